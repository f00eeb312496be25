/** The reference lists exactly what the code has: nothing is missing there, and nothing is made up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod";
import { recordMeta, runMeta } from "#core/events.js";
import { hostFailures } from "#core/values.js";
import { actedOn } from "#host/config/schema.js";
import { fixed, limitNames, limitTable } from "#host/limits/table.js";
import { catalog } from "../../tools/rlp/catalog.js";
import { root, rowsOf, textOf, ticked } from "./pages.js";

test("openings: every code of the compiler, once, in its order", () => {
  const source = readFileSync(join(root, "openings/language/diagnostic.ts"), "utf8");
  const union = /export type OpeningCode =([\s\S]*?);/.exec(source)?.[1] ?? "";
  const codes = [...union.matchAll(/"(OPENING_[A-Z_]+)"/g)].map((found) => found[1]);
  expect(codes.length).toBeGreaterThan(30);
  const rows = rowsOf("docs/reference/openings.md", "<!-- codes -->", "<!-- /codes -->");
  expect(rows.map(([code = ""]) => ticked(code)[0])).toEqual(codes);
  expect(rows.filter(([, says = ""]) => says === "")).toEqual([]);
});

test.each([
  ["## Kinds of a run", runMeta],
  ["## Kinds outside of runs", recordMeta],
] as const)("events, %s: every kind with every key of its meta", (heading, kinds) => {
  const told = rowsOf("docs/reference/events.md", heading, "\n## ").map(([kind = "", meta = ""]) => [
    ticked(kind)[0],
    ticked(meta),
  ]);
  const real = Object.entries(kinds).map(([kind, schema]) => [
    kind,
    Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, value]) =>
      value instanceof z.ZodOptional ? `${key}?` : key,
    ),
  ]);
  expect(told).toEqual(real);
});

test("agents: every failure of the host, on the side where it belongs", () => {
  const rows = rowsOf("docs/reference/agents.md", "## Failures", "\n## ");
  const told = rows.flatMap(([codes = "", helps]) => ticked(codes).map((code) => [code, helps === "yes"]));
  expect(Object.fromEntries(told)).toEqual(hostFailures);
});

test("limits: the table of the code, row by row", () => {
  const rows = rowsOf("docs/reference/limits.md", "<!-- limits -->", "<!-- /limits -->");
  const figure = (cell = ""): number => Number(cell.replaceAll(",", ""));
  expect(
    rows.map(([name = "", unit, usual, most, met = "", about]) => [
      ticked(name)[0],
      unit,
      figure(usual),
      figure(most),
      ticked(met)[0],
      about,
    ]),
  ).toEqual(
    limitNames.map((name) => {
      const { unit, usual, most, bite, about } = limitTable[name];
      return [name, unit, usual, most, "ends" in bite ? bite.ends : "refuses" in bite ? bite.refuses : undefined, about];
    }),
  );
  const same = rowsOf("docs/reference/limits.md", "<!-- fixed -->", "<!-- /fixed -->");
  expect(same.map(([name = "", says]) => [ticked(name)[0], says])).toEqual(Object.entries(fixed));
});

test("openings: the failures that are retried are those of the table", () => {
  const text = textOf("docs/reference/openings.md");
  const row = text.split("\n").find((line) => line.startsWith("| `host.trap`")) ?? "";
  const [, retried = "", never = ""] = row.split("|");
  const hosts = (cell: string): readonly string[] => ticked(cell).filter((name) => name.startsWith("host."));
  expect(
    Object.fromEntries([...hosts(retried).map((code) => [code, true]), ...hosts(never).map((code) => [code, false])]),
  ).toEqual(hostFailures);
});

test("cli: every config key that has an effect", () => {
  const rows = rowsOf("docs/reference/cli.md", "<!-- keys -->", "<!-- /keys -->");
  expect(rows.map(([key = ""]) => ticked(key)[0]).sort()).toEqual([...actedOn].sort());
});

test("cli: every command that there is", () => {
  const told = new Set(
    rowsOf("docs/reference/cli.md", "## Commands", "\n**Streams").flatMap(([command = ""]) =>
      ticked(command).flatMap((typed) => {
        const [, name = "", subs] = /^rlp ([a-z]+)(?: ([a-z\\|]+))?/.exec(typed) ?? [];
        return [name, ...(subs ?? "").split("\\|").map((sub) => `${name} ${sub}`)];
      }),
    ),
  );
  const real = catalog.flatMap((entry) => [
    ...("load" in entry ? [entry.name] : []),
    ...(entry.commands ?? []).map(({ name }) => `${entry.name} ${name}`),
  ]);
  expect(real.filter((command) => !told.has(command))).toEqual([]);
});
