import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { catalog } from "../../tools/rlp/catalog.js";
import { pages, root, textOf } from "./pages.js";

/** GitHub's anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

const anchorsOf = (page: string): readonly string[] =>
  textOf(page)
    .split("\n")
    .filter((line) => line.startsWith("#"))
    .map((line) => anchor(line.replace(/^#+\s*/, "")));

const withoutCode = (text: string): string => text.replace(/^```[^\n]*\n[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");

test.each(pages)("%s: every relative link leads to a file, and to a heading in it", (page) => {
  const broken = [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", heading] = target.split("#");
    const file = path === "" ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(root, file))) return [target];
    return heading === undefined || anchorsOf(file).includes(heading) ? [] : [target];
  });
  expect(broken).toEqual([]);
});

/** What looks like a file of this repository; `<…>`, `…` and `*` stand for something else. */
const FILE =
  /`((?:agents|bench|bin|core|docs|examples|host|kb|openings|sdk|test|tools)\/[\w./-]+\.(?:ts|tsx|md|ya?ml|mjs|json|wit|ndjson|toml))`/g;
/** Made by a build, or an example of what somebody else would have. */
const NOT_HERE = /^agents\/note_taker\/|^openings\/note_taker\.yaml$/;

test.each(pages)("%s: every file that it names is there", (page) => {
  const named = [...textOf(page).matchAll(FILE)].map((found) => found[1] ?? "");
  expect(named.filter((file) => !NOT_HERE.test(file) && !existsSync(join(root, file)))).toEqual([]);
});

test.each(pages)("%s: examples that commands are typed for are there", (page) => {
  const named = [...textOf(page).matchAll(/(?<![\w./])examples\/(?:openings|data)[\w./-]*/g)].map(([found]) =>
    found.replace(/[./]+$/, ""),
  );
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

/** A command that takes arguments beside commands of its own may be followed by anything. */
const words = new Map(
  catalog.map((entry) => [entry.name, "load" in entry ? null : entry.commands.map(({ name }) => name)] as const),
);

/** Fenced blocks and back-ticks. */
const codeOf = (text: string): readonly string[] => [
  ...[...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => block.split("\n")),
  ...[...text.replace(/^```[^\n]*\n[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span),
];

/** `rlp …` and `npx rlp …` where a command stands: at the beginning, behind a prompt, a pipe, a list of commands. */
function commandsIn(text: string): readonly (readonly [string, string])[] {
  const typed = /(?:^|\$ |\| |&& |; |bin\/rlp\.mjs )(?:npx )?rlp[ \t]+([a-z|]+)(?:[ \t]+([a-z|]+))?/g;
  return codeOf(text).flatMap((code) =>
    [...code.replaceAll("\\|", "|").matchAll(typed)].map(([, command = "", sub = ""]) => [command, sub] as const),
  );
}

// What this version does not have is named in lists of their own, and in decisions and plans of what comes.
const cutLater = (text: string): string => text.replace(/\n## Not in this version[\s\S]*?(?=\n## |$)/g, "");

test.each(pages)("%s: every command that it tells to type exists", (page) => {
  const unknown = commandsIn(cutLater(textOf(page))).flatMap(([command, sub]) => {
    const several = command.split("|").filter((each) => !words.has(each));
    if (several.length > 0) return several;
    const subs = words.get(command);
    return subs ? sub.split("|").flatMap((each) => (each === "" || subs.includes(each) ? [] : [`${command} ${each}`])) : [];
  });
  expect(unknown).toEqual([]);
});

test("what cli.md says is not there, is not there", () => {
  const later = /\n## Not in this version([\s\S]*?)(?=\n## |$)/.exec(textOf("docs/reference/cli.md"))?.[1] ?? "";
  const named = [...later.matchAll(/`([a-z]+)(?: ([a-z|]+))?`/g)].map(
    ([, command = "", sub]) => [command, sub?.split("|")] as const,
  );
  expect(named.length).toBeGreaterThan(5);
  const there = named.flatMap(([command, subs]) => {
    const known = words.get(command);
    if (known === undefined) return [];
    if (known === null) return subs ? [] : [command];
    return subs ? subs.filter((sub) => known.includes(sub)) : [command];
  });
  expect(there).toEqual([]);
});

test("pages of docs/ that nothing leads to are not found by anybody", () => {
  const linked = new Set(
    pages.flatMap((page) =>
      [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target = ""]) =>
        normalize(join(dirname(page), target)),
      ),
    ),
  );
  const folders = [...linked].filter((target) => existsSync(join(root, target)) && statSync(join(root, target)).isDirectory());
  const inFolders = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => normalize(join(folder, name))));
  const lost = pages.filter((page) => page.startsWith("docs/") && !linked.has(page) && !inFolders.includes(page));
  expect(lost).toEqual([]);
});
