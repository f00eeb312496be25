/**
 * Each file of the corpus is an opening; beside it stands what compiling it says, whole: for a valid one the opening as JSON (after
 * its warnings), for another all its diagnostics. `UPDATE_CORPUS=1` writes the expectations anew, to be read before they are kept.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileOpening } from "#openings/language/compile.js";
import { formatDiagnostic } from "#openings/language/format.js";
import { world } from "./agents.js";

const folder = join(import.meta.dirname, "../corpus");
const files = readdirSync(folder).filter((name) => /\.(?:yaml|opening)$/.test(name));
const expectationOf = (file: string): string => file.replace(/\.[a-z]+$/, ".expected");
const compile = (file: string) => compileOpening({ file, bytes: readFileSync(join(folder, file)) }, world);

test.each(files)("%s", (file) => {
  const { opening, diagnostics } = compile(file);
  const parts = [...diagnostics.map((each) => formatDiagnostic(each)), ...(opening ? [JSON.stringify(opening, null, 2)] : [])];
  const told = `${parts.join("\n\n")}\n`;
  const beside = join(folder, expectationOf(file));
  if (process.env["UPDATE_CORPUS"] === "1") writeFileSync(beside, told);
  expect(told).toBe(readFileSync(beside, "utf8"));
  expect(opening !== null).toBe(file.startsWith("valid-"));
});

test("each expectation stands beside its file", () => {
  const expected = readdirSync(folder).filter((name) => name.endsWith(".expected"));
  expect(expected).toEqual(files.map(expectationOf).sort());
});

test("every code is in the corpus", () => {
  const source = readFileSync(join(import.meta.dirname, "../../../openings/language/diagnostic.ts"), "utf8");
  const declared = new Set(source.match(/"OPENING_[A-Z_]+"/g)?.map((quoted) => quoted.slice(1, -1)));
  const met = new Set(files.flatMap((file) => compile(file).diagnostics.map(({ code }) => code)));
  expect([...declared].filter((code) => !met.has(code as never))).toEqual([]);
});
