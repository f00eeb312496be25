/** The layers that stand over a bundle's own policy. Each can take away; none can add. */
import { join } from "node:path";
import type { Grant } from "#openings/agent.js";
import { meet } from "#openings/grant/meet.js";
import { beyond, change, narrow, nodeGrant, type Change, type Narrowing } from "#openings/grant/narrow.js";
import { TrustError } from "../trust/error.js";
import { readPrivate } from "../trust/private-file.js";
import { reallyWithin } from "./folders.js";
import { parseOverride, PolicyError } from "./policy.js";

export type LayerName = "trust rule" | "system override" | "home override" | "opening";

/** What one layer did to a grant. */
export interface Layer extends Change {
  readonly layer: LayerName;
  /** The file it stands in. */
  readonly file: string | null;
  /** What there is after it. */
  readonly grant: Grant;
  /** What it tried to add, and did not. */
  readonly ignored: readonly string[];
}

export interface Layered {
  readonly grant: Grant;
  readonly layers: readonly Layer[];
}

export interface OverridePlace {
  readonly layer: "system override" | "home override";
  readonly dir: string;
}

/** What `caps` of a node does to a host's grant. It tries to add nothing: the opening would not have been taken. */
export function nodeLayer(agent: { readonly grant: Grant }, caps: Narrowing, file: string): Layer {
  const after = reallyWithin(nodeGrant(agent, { caps }), agent.grant);
  return { layer: "opening", file, ...change(agent.grant, after), grant: after, ignored: [] };
}

const OVERRIDE_BYTES = 256 * 1024;

export const overrideFile = (dir: string, agent: string): string => join(dir, `${agent}.caps`);

/** Bundle's policy ∩ trust rule ∩ overrides. Throws `PolicyError` for an override that cannot be read: it may have taken anything away. */
export function hostLayers(
  policy: Grant,
  agent: string,
  ceiling: { readonly caps: Grant; readonly file: string | null } | null,
  overrides: readonly OverridePlace[],
): Layered {
  let grant = policy;
  const layers: Layer[] = [];
  if (ceiling) {
    const after = reallyWithin(reallyWithin(meet(grant, ceiling.caps), ceiling.caps), grant);
    layers.push({ layer: "trust rule", file: ceiling.file, ...change(grant, after), grant: after, ignored: [] });
    grant = after;
  }
  for (const { layer, dir } of overrides) {
    const file = overrideFile(dir, agent);
    const bytes = readOverride(file);
    if (bytes === null) continue;
    const narrowing = parseOverride(bytes, file);
    const after = reallyWithin(narrow(grant, narrowing), grant);
    // Held against the bundle's own policy: what an earlier layer took is no attempt of this one to add.
    layers.push({ layer, file, ...change(grant, after), grant: after, ignored: beyond(policy, narrowing) });
    grant = after;
  }
  return { grant, layers };
}

function readOverride(file: string): Buffer | null {
  try {
    return readPrivate({ file, most: OVERRIDE_BYTES, secret: false });
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new PolicyError("POLICY_UNREADABLE", `the override cannot be used: ${error.message}`, {
      ...(error.place && { place: error.place }),
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}

/** What a layer tried to add, in words for a person. */
export function ignoredText({ layer, file, ignored }: Layer): string {
  return `the ${layer}${file === null ? "" : ` ${file}`} names what the agent's own policy does not grant, which is ignored: ${ignored.join("; ")}`;
}
