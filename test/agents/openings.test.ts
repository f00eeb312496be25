/** The example openings against the real bundles: they check without a word, but the one that is there to be refused. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, cpSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, expect, test } from "vitest";
import type { JsonObject } from "#core/json.js";
import { readBundle } from "#host/component/bundle.js";
import type { AgentInterface } from "#openings/agent.js";
import type { OpeningCatalog } from "#openings/inner.js";
import { compileOpening, type CheckedOpening } from "#openings/language/compile.js";
import { bundledAgents } from "#sdk/build/bundles.js";
import { projectRoot } from "#sdk/build/layout.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { buildCached } from "#sdk/build/source.js";

const copies = mkdtempSync(join(tmpdir(), "rlp-examples-"));
afterAll(() => rmSync(copies, { recursive: true, force: true }));

const agents = new Map<string, AgentInterface>();
for (const folder of bundledAgents()) {
  const { component } = await buildCached({ folder });
  // A copy, with the component that set-up would put there: the tree's own may be stale while somebody works on it.
  const copy = join(copies, basename(folder));
  cpSync(folder, copy, { recursive: true });
  writeFileSync(join(copy, "agent.wasm"), component);
  const imports = [...(await componentWit(component)).matchAll(/import (\S+);/g)].map((match) => match[1]!).toSorted();
  agents.set(basename(folder), { ...(await readBundle(copy)).face, imports });
}
const types = schemaRegistry(
  Object.fromEntries(
    readdirSync(join(projectRoot, "sdk", "types")).map((file) => [
      file.replace(/\.json$/, ""),
      JSON.parse(readFileSync(join(projectRoot, "sdk", "types", file), "utf8")) as JsonObject,
    ]),
  ),
);
const world = {
  agents: { get: (name: string) => agents.get(name), names: () => [...agents.keys()] },
  types,
  params: {},
  defaults: { confirm_external: true },
};
const folder = join(projectRoot, "examples", "openings");
/** Other openings lie beside the one that uses them. */
const openings: OpeningCatalog = {
  get: (name, given) => compile(`${name}.yaml`, given).face ?? undefined,
  names: () => readdirSync(folder).map((file) => file.replace(/\.yaml$/, "")),
  refusal: () => undefined,
};
function compile(file: string, params: JsonObject = {}): CheckedOpening {
  return compileOpening({ file, bytes: readFileSync(join(folder, file)) }, { ...world, openings, params });
}

test.each(readdirSync(folder).filter((file) => file !== "refused_capability.yaml"))("%s", (file) => {
  const { opening, diagnostics } = compile(file);
  expect(diagnostics).toEqual([]);
  expect(opening?.name).toBe(file.replace(/\.yaml$/, ""));
});

test("refused_capability.yaml is refused with the import and the missing capability", () => {
  const { opening, diagnostics } = compile("refused_capability.yaml");
  expect(opening).toBeNull();
  expect(diagnostics).toHaveLength(1);
  expect(JSON.stringify(diagnostics)).toMatch(/runloop:agent\/kb@0\.1\.0.*kb_read|kb_read.*runloop:agent\/kb@0\.1\.0/);
});
