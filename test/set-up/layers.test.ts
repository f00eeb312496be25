/** Imports point down one list only: tools → host → openings, kb → core; sdk and agents are guests. The lint run keeps it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const tree = mkdtempSync(join(tmpdir(), "rlp-layers-"));
afterAll(() => rmSync(tree, { recursive: true, force: true }));

/** Importing file, specifier, allowed. */
const table: readonly (readonly [string, string, boolean])[] = [
  ["core/a.ts", "#kb/ledger.js", false],
  ["core/a.ts", "#openings/ir.js", false],
  ["core/a.ts", "#host/run.js", false],
  ["core/a.ts", "#sdk/build/build.js", false],
  ["core/a.ts", "#kb/search/index.js", false],
  ["core/a.ts", "../kb/ledger.js", false],
  ["core/deep/a.ts", "../../host/run.js", false],
  ["core/a.ts", "../tools/rlp/main.js", false],
  ["core/a.ts", "../agents/writer/index.js", false],
  ["core/a.ts", "./json.js", true],
  ["core/a.ts", "zod", true],
  ["kb/a.ts", "#openings/ir.js", false],
  ["kb/a.ts", "../openings/ir.js", false],
  ["kb/a.ts", "#host/run.js", false],
  ["kb/a.ts", "../tools/rlp/main.js", false],
  ["kb/a.ts", "#sdk/build/build.js", false],
  ["kb/a.ts", "#core/json.js", true],
  ["kb/a.ts", "better-sqlite3", true],
  ["openings/a.ts", "#kb/ledger.js", false],
  ["openings/a.ts", "../kb/ledger.js", false],
  ["openings/engine/a.ts", "#host/run.js", false],
  ["openings/engine/a.ts", "#host/run/world.js", false],
  ["openings/engine/a.ts", "../../tools/rlp/main.js", false],
  ["openings/a.ts", "#sdk/build/build.js", false],
  ["openings/a.ts", "better-sqlite3", false],
  ["openings/a.ts", "node:fs", false],
  ["openings/a.ts", "node:fs/promises", false],
  ["openings/a.ts", "fs", false],
  ["openings/a.ts", "node:child_process", false],
  ["openings/a.ts", "node:worker_threads", false],
  ["openings/a.ts", "node:net", false],
  ["openings/engine/a.ts", "#core/events.js", true],
  ["openings/engine/a.ts", "../ir.js", true],
  ["openings/a.ts", "yaml", true],
  ["host/a.ts", "../tools/rlp/main.js", false],
  ["host/component/a.ts", "../../agents/writer/index.js", false],
  ["host/a.ts", "#sdk/build/build.js", false],
  ["host/a.ts", "../sdk/build/build.js", false],
  ["host/a.ts", "#openings/ir.js", true],
  ["host/a.ts", "#kb/ledger.js", true],
  ["host/a.ts", "#core/json.js", true],
  ["host/a.ts", "node:fs", true],
  ["sdk/build/a.ts", "#host/run.js", false],
  ["sdk/build/a.ts", "#kb/ledger.js", false],
  ["sdk/build/a.ts", "../../openings/ir.js", false],
  ["sdk/build/a.ts", "../../tools/rlp/main.js", false],
  ["sdk/build/a.ts", "#core/digest.js", true],
  ["tools/rlp/a.ts", "#host/run.js", true],
  ["tools/rlp/a.ts", "#kb/ledger.js", true],
  ["tools/rlp/a.ts", "#openings/ir.js", true],
  ["tools/rlp/a.ts", "#core/json.js", true],
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** One run over the whole tree: file → was it refused by the layer rule? Each row has a file of its own, beside the named one. */
function lint(): { refused: ReadonlySet<string>; status: number | null } {
  copyFileSync(join(root, ".oxlintrc.json"), join(tree, ".oxlintrc.json"));
  table.forEach(([file, specifier], row) => {
    const path = join(tree, placed(file, row));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import { thing } from "${specifier}";\n\nexport const seen = thing;\n`);
  });
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
  const result = spawnSync(process.execPath, [oxlint, "--deny-warnings", "--format=json"], { cwd: tree, encoding: "utf8" });
  const { diagnostics } = JSON.parse(result.stdout) as { diagnostics: Diagnostic[] };
  return {
    refused: new Set(diagnostics.filter((found) => found.code.includes("no-restricted-imports")).map((found) => found.filename)),
    status: result.status,
  };
}

const placed = (file: string, row: number) => file.replace("a.ts", `row${row}.ts`);

const { refused, status } = lint();

test("a tree with forbidden imports fails the lint run", () => {
  expect(status).not.toBe(0);
});

test.each(table.map((row, index) => [...row, index] as const))(
  "%s importing %s: allowed %s",
  (file, _specifier, allowed, row) => {
    expect(refused.has(placed(file, row))).toBe(!allowed);
  },
);
