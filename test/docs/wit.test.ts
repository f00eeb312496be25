/** `docs/reference/wit.md` has every interface, function, type and error of `sdk/wit`, as they are there, and nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root, rowsOf, textOf, ticked } from "./pages.js";

const PAGE = "docs/reference/wit.md";
const wit = ["types.wit", "interfaces.wit"]
  .map((name) => readFileSync(join(root, "sdk/wit", name), "utf8").replaceAll(/\/\/\/.*/g, ""))
  .join("\n");
const plain = (text: string): string => text.replaceAll(/\s+/g, " ").trim().replace(/,$/, "");

const interfaces = [...wit.matchAll(/^interface (\w+) \{\n([\s\S]*?)^\}/gm)]
  .map(([, name = "", body = ""]) => ({ name, body }))
  .filter(({ name }) => name !== "types");
const section = (name: string): readonly string[] => [`## \`${name}\`\n`, "\n## "];

test("the interfaces, in their order", () => {
  const told = [...textOf(PAGE).matchAll(/^## `(\w+)`$/gm)].map(([, name]) => name);
  expect(told).toEqual(interfaces.map(({ name }) => name));
});

test.each(interfaces.map(({ name, body }) => [name, body] as const))("%s: each function and type", (name, body) => {
  const [from = "", to = ""] = section(name);
  const rows = rowsOf(PAGE, from, to).map((cells) => cells.map((cell) => ticked(cell)[0] ?? cell));
  const functions: string[][] = [];
  let resource = "";
  for (const line of body.split("\n").map(plain)) {
    const [, opened] = /^resource ([\w-]+) \{/.exec(line) ?? [];
    if (opened !== undefined) resource = `${opened}.`;
    else if (line === "}") resource = "";
    const [, func, signature] = /^%?([\w-]+): (func\(.*);$/.exec(line) ?? [];
    if (func !== undefined && signature !== undefined) functions.push([`${resource}${func}`, signature]);
  }
  expect(rows.filter(([, second]) => second?.startsWith("func(")).map(([first, second]) => [first, second])).toEqual(functions);
  const types = [...body.matchAll(/(record|variant|enum) ([\w-]+) \{([^}]*)\}/g)].map(([, kind, type, of = ""]) => [
    type,
    kind,
    plain(of),
  ]);
  expect(rows.filter(([, second]) => ["record", "variant", "enum"].includes(second ?? ""))).toEqual(types);
});

test("errors, and what crosses", () => {
  const cases = /variant error \{([^}]*)\}/.exec(wit)?.[1] ?? "";
  const errors = [...cases.matchAll(/([\w-]+)\((\w+)\)/g)].map(([, name, of]) => [name, of]);
  expect(rowsOf(PAGE, "## Errors", "\n## ").map(([name = "", of = ""]) => [ticked(name)[0], ticked(of)[0]])).toEqual(errors);
  for (const [name = "", of = ""] of rowsOf(PAGE, "## What crosses", "\n## ")) {
    const record = new RegExp(`record ${ticked(name)[0]} \\{([^}]*)\\}`).exec(wit)?.[1] ?? "";
    expect(ticked(of)[0]).toBe(plain(record));
  }
});
