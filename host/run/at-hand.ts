/** A run's agents, found again: what is at hand under a name may by now be another build. */
import type { Digest } from "#core/digest.js";
import type { MetaOf } from "#core/events.js";
import { RlpError } from "#core/errors.js";
import type { Purpose } from "../catalog/catalog.js";
import type { Host } from "../host.js";
import type { LoadedAgent } from "./executor.js";

export interface Recorded {
  readonly started: MetaOf<"run.started">;
  readonly purpose: Purpose;
  /** Folders where this agent's bundle may lie besides, best first. What is there is held to the run's digest. */
  readonly folders: (name: string) => readonly string[] | Promise<readonly string[]>;
}

/**
 * The agent with the very component that the run used, wherever it lies; where there is none such, the one that goes by its name now.
 * Throws what was wrong with that.
 */
export async function recordedAgent(host: Host, name: string, { started, purpose, folders }: Recorded): Promise<LoadedAgent> {
  const wanted = { purpose, limits: started.limits?.[name] };
  const digest: Digest | undefined = started.components[name];
  const named = await settled(host.agent(name, wanted));
  if ("agent" in named && named.agent.face.digest === digest) return named.agent;
  const found: Settled[] = [];
  for (const folder of await folders(name)) {
    const there = await settled(host.agentIn(folder, wanted));
    if ("agent" in there && there.agent.face.digest === digest) return there.agent;
    found.push(there);
  }
  // Another build, or why there is none: of a bundle that lies there and may not be used rather than that there is no such name.
  const told = [named, ...found].find((each) => "agent" in each || !isMissing(each.error)) ?? named;
  if ("error" in told) throw told.error;
  return told.agent;
}

const isMissing = ({ code }: RlpError): boolean => code === "USAGE_NOT_FOUND" || code === "ADMIT_UNREADABLE";

type Settled = { readonly agent: LoadedAgent } | { readonly error: RlpError };

async function settled(loading: Promise<LoadedAgent>): Promise<Settled> {
  try {
    return { agent: await loading };
  } catch (error) {
    if (error instanceof RlpError) return { error };
    throw error;
  }
}
