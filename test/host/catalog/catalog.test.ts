import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Catalog } from "#host/catalog/catalog.js";
import { isolation } from "#host/sandbox/isolation/ladder.js";

const root = mkdtempSync(join(tmpdir(), "rlp-catalog-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folderOf(dir: string, name: string): string {
  const folder = join(root, dir, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "manifest.toml"), "");
  return folder;
}

test("nothing that lies beside an opening takes the place of a bundled, an installed or a named agent", () => {
  folderOf("openings/agents", "mailer");
  folderOf("openings/agents", "helper");
  const own = folderOf("openings/agents", "own");
  const installed = folderOf("home", "helper");
  const named = folderOf("named", "writer");
  const catalog = new Catalog({
    named: [join(root, "named")],
    dirs: [join(root, "home")],
    cacheDir: join(root, "cache"),
    key: () => Promise.reject(new Error("no home")),
    isolation: () => isolation(),
    trust: {
      keysDir: join(root, "keys"),
      policyFile: join(root, "trust-policy.toml"),
      agentsDir: join(root, "home"),
      overrides: [],
      acceptReduced: [],
    },
  });
  catalog.alsoLookBeside(join(root, "openings", "x.yaml"));
  expect(catalog.dirOf("mailer")).toMatch(/[\\/]agents[\\/]mailer$/);
  expect(catalog.dirOf("mailer")).not.toContain(root);
  expect(catalog.dirOf("helper")).toBe(installed);
  expect(catalog.dirOf("own")).toBe(own);
  expect(catalog.dirOf("writer")).toBe(named);
});
