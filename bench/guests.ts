/** The agents that are measured: small AssemblyScript sources, built, bundled and admitted like anybody's. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, type JsonObject } from "#core/json.js";
import { admit } from "#host/component/admit.js";
import type { Admitted, GuestSpec } from "#host/component/contract.js";
import { buildSource } from "#sdk/build/source.js";
import { stampBundle } from "#sdk/build/stamp.js";

const HEAD = 'import { CompletionOptions, fail, Invocation, model, ok, Outcome, state } from "runloop";';
const agent = (body: string): string => `${HEAD}\nexport function agent(call: Invocation): Outcome {\n${body}\n}\n`;

/** A word in `echo` that can be replaced in the built component, so that there are many components of the same size. */
export const MARK = "variant-0000";

export const sources = {
  /** Ends at once. */
  echo: agent(`return ok().send("out", "text.v1", "${MARK}");`),
  /** `calls` calls that the sandbox process answers, 200 bytes each. */
  keeps: agent(`
    const calls = call.options.getInt("calls");
    const value = "x".repeat(199);
    for (let i = 0; i < calls; i++) if (!state.set("key", value).ok) return fail("bench", "state.set");
    return ok().send("out", "text.v1", "done");`),
  /** `calls` calls that the control process answers, 200 bytes each. */
  asks: agent(`
    const calls = call.options.getInt("calls");
    const prompt = "p".repeat(200);
    const options = new CompletionOptions();
    for (let i = 0; i < calls; i++) if (!model.complete(prompt, options).ok) return fail("bench", "model.complete");
    return ok().send("out", "text.v1", "done");`),
  /** Asks a model twice, in its own name, and gives both answers. */
  waits: agent(`
    const name = call.options.getString("name");
    const first = model.complete(name + " 1");
    if (!first.ok) return fail("bench", "model.complete");
    const second = model.complete(name + " 2");
    if (!second.ok) return fail("bench", "model.complete");
    return ok().send("out", "text.v1", first.value.text + ", " + second.value.text);`),
  /** Computes for as long as `rounds` say: a hash over a few kilobytes. */
  computes: agent(`
    const rounds = call.options.getInt("rounds");
    const bytes = new Uint8Array(4096);
    let hash: u32 = 2166136261;
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < bytes.length; i++) {
        hash = (hash ^ bytes[i]) * 16777619;
        bytes[i] = <u8>hash;
      }
    return ok().send("out", "text.v1", hash.toString());`),
} as const;
export type GuestName = keyof typeof sources;

export const component = (name: GuestName): Promise<Uint8Array> => buildSource(sources[name]);

/** Admitted without a cache. */
export async function admitted(name: GuestName): Promise<Admitted> {
  return admit(await component(name));
}

/** Enough for any guest here. */
const FUEL = 1e12;

export function guestSpec(component: Admitted, given: JsonObject = {}, linked: readonly string[] = []): GuestSpec {
  return {
    component,
    node: "bench",
    attempt: 1,
    with: canonicalJson(given),
    inputs: [],
    seed: "07".repeat(32),
    epochMs: 1_700_000_000_000,
    state: {},
    limits: { fuel: FUEL, memoryMib: 64, calls: 1_000_000 },
    linked: ["log", "clock", "random", "state", ...linked],
  };
}

/** A bundle's folder `dir`/`name` with this component in it. */
export function writeBundle(dir: string, name: string, bytes: Uint8Array): string {
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  const digest = "0".repeat(64);
  writeFileSync(join(folder, "agent.wasm"), bytes);
  writeFileSync(join(folder, "policy.caps"), "model = true\n");
  writeFileSync(
    join(folder, "manifest.toml"),
    `[agent]
name = "${name}"
version = "0.1.0"
description = "Measured by the bench."
world = "agent"
entry = { path = "agent.wasm", blake3 = "${digest}" }

[ports.in.in]
type = "any"

[ports.out.out]
type = "text.v1"

[schemas.with]
type = "object"

[caps]
file = "policy.caps"
blake3 = "${digest}"

[limits]
memory_mib = 64
fuel = ${FUEL}
wall_ms = 600_000
`,
  );
  stampBundle(folder);
  return folder;
}

/** Components that differ in nothing but the text that they give: no cache, of ours or the engine's, knows two of them as one. */
export async function variants(count: number): Promise<readonly Uint8Array[]> {
  const built = Buffer.from(await component("echo"));
  const at = built.indexOf(Buffer.from(MARK, "utf16le"));
  if (at < 0) throw new Error("the mark is not in the component");
  return Array.from({ length: count }, (_, index) => {
    const copy = Buffer.from(built);
    copy.write(MARK.replace("0000", String(index + 1).padStart(4, "0")), at, "utf16le");
    return copy;
  });
}

/** A home's key, as good as any. */
export const homeKey = (): Uint8Array => randomBytes(32);
