/** Builds with a memory: what was built from the same text by the same tools is read back. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { buildAgent, partsOf, type AgentSource, type BuiltAgent } from "./agent.js";
import { buildKey } from "./key.js";
import { projectRoot } from "./layout.js";

const cache = join(projectRoot, "dist", ".cache", "components");

/** As `buildAgent`, from the cache under `dist` where it can be. Deleting the cache is always safe. */
export async function buildCached(from: AgentSource, base?: Digest): Promise<BuiltAgent> {
  const key = buildKey(partsOf(from), base);
  const held = readBack(key);
  if (held) return held;
  const built = await buildAgent(from);
  mkdirSync(cache, { recursive: true });
  // Written beside and renamed: another process never sees half a file. The digest in front finds a damaged one.
  const file = join(cache, `${key}.wasm`);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, Buffer.concat([Buffer.from(built.digest, "hex"), built.component]));
  renameSync(draft, file);
  return built;
}

/** The component of an agent given as the text of `agent.ts` in AssemblyScript. */
export async function buildSource(source: string): Promise<Uint8Array> {
  return (await buildCached({ source })).component;
}

/** The component of an agent given as the text of `agent.js`, with all globals. */
export async function buildScript(script: string): Promise<Uint8Array> {
  return (await buildCached({ script })).component;
}

function readBack(key: Digest): BuiltAgent | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(cache, `${key}.wasm`));
  } catch {
    return undefined;
  }
  const component = new Uint8Array(bytes.subarray(32));
  const digest = blake3(component);
  return digest === Buffer.from(bytes.subarray(0, 32)).toString("hex") ? { component, digest } : undefined;
}
