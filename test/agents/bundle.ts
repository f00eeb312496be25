/** A bundled agent as its tests run it: built from its source, outputs held against its manifest and the port types. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import type { Json, JsonObject } from "#core/json.js";
import { checkValue, schemaRegistry } from "#openings/types/registry.js";
import { projectRoot } from "#sdk/build/layout.js";
import { buildCached } from "#sdk/build/source.js";
import { load, type Answers, type Guest, type GuestCall, type GuestOutcome } from "../sdk/guest.js";

interface Manifest {
  readonly ports: { readonly in?: Record<string, { type: string | string[] }>; readonly out?: Record<string, { type: string }> };
}

export interface Bundled {
  readonly guest: Guest;
  /** Runs the agent; inputs that its manifest does not take and outputs that do not fit their type fail the test. */
  run(call: GuestCall, answers?: Answers): Promise<GuestOutcome>;
}

const types = schemaRegistry(
  Object.fromEntries(
    readdirSync(join(projectRoot, "sdk", "types")).map((file) => [
      file.replace(/\.json$/, ""),
      JSON.parse(readFileSync(join(projectRoot, "sdk", "types", file), "utf8")) as JsonObject,
    ]),
  ),
);

function misfit(type: string, value: Json): string | null {
  if (!types.get(type)) return `there is no port type ${type}`;
  const fault = checkValue(type, value, types);
  return fault && `${fault.pointer}: ${fault.message}`;
}

export async function bundled(folder: string): Promise<Bundled> {
  const path = join(projectRoot, folder);
  const guest = await load((await buildCached({ folder: path })).component);
  const { ports } = parse(readFileSync(join(path, "manifest.toml"), "utf8")) as unknown as Manifest;
  return {
    guest,
    async run(call, answers) {
      for (const { port, type, body } of call.inputs ?? []) {
        const declared = ports.in?.[port];
        if (!declared) throw new Error(`the manifest has no input port ${port}`);
        if (![declared.type].flat().some((accepted) => accepted === "any" || accepted === type))
          throw new Error(`port ${port} does not take ${type}`);
        const wrong = misfit(type, body);
        if (wrong) throw new Error(`the test's own input on ${port}: ${wrong}`);
      }
      const outcome = await guest.run(call, answers);
      for (const { port, type, body } of "outputs" in outcome ? outcome.outputs : []) {
        if (ports.out?.[port]?.type !== type) throw new Error(`the manifest has no output port ${port} of type ${type}`);
        const wrong = misfit(type, body);
        if (wrong) throw new Error(`port ${port}: ${wrong}`);
      }
      return outcome;
    },
  };
}

/** The failure that an agent must end with. */
export function failureOf(outcome: GuestOutcome): { code: string; message: string; retryable: boolean } {
  if (!("failure" in outcome)) throw new Error(`the agent did not fail: ${JSON.stringify(outcome.outputs)}`);
  return outcome.failure;
}
