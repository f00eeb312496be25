/** `docs/guides/openings.md`: its examples are the files in `examples/guide`, and every command that it shows runs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inFolder, rlp } from "../tools/rlp/call.js";
import { root, textOf } from "./pages.js";

const blocks = [...textOf("docs/guides/openings.md").matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(
  ([, language = "", body = ""]) => ({ language, body }),
);
const examples = blocks.flatMap(({ language, body }) => {
  const name = /^(?:name: |opening ")(\w+)/m.exec(body)?.[1];
  return name === undefined ? [] : [{ file: `${name}.${language === "yaml" ? "yaml" : "opening"}`, body }];
});
const commands = blocks.filter(({ language }) => language === "").flatMap(({ body }) => body.trim().split("\n"));

/** As a shell takes it: words, and text in single quotes. */
const wordsOf = (command: string): readonly string[] =>
  (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));

test("the examples are the files, all of them", () => {
  const folder = join(root, "examples/guide");
  expect(examples.map(({ file }) => file).sort()).toEqual(readdirSync(folder).sort());
  for (const { file, body } of examples) expect(readFileSync(join(folder, file), "utf8")).toBe(body);
});

test("every command runs, one after the other, as it stands", { timeout: 900_000 }, async () => {
  expect(commands.length).toBeGreaterThan(10);
  await inFolder(async (home) => {
    for (const command of commands) {
      const [name, ...words] = wordsOf(command);
      expect(name).toBe("rlp");
      const { code, stderr } = await rlp([...words, "--home", home], { cwd: root });
      expect([command, code, code === 0 ? "" : stderr]).toEqual([command, 0, ""]);
    }
  });
});
