/** What this host makes of an agent: who vouches for it, what it may, with whom it shares a process, which cage it needs. */
import type { Digest } from "#core/digest.js";
import { jsonDigest, type Json } from "#core/json.js";
import type { Grant } from "#openings/agent.js";
import type { Layer } from "../capability/layers.js";
import { BUNDLED } from "../sandbox/domains.js";
import type { Isolation } from "../sandbox/isolation/rung.js";
import { TrustError } from "./error.js";
import { standingText, type Standing } from "./standing.js";

export interface AgentTrust {
  readonly standing: Standing;
  readonly layers: readonly Layer[];
  /** Who accepted less than the full cage for a stranger. */
  readonly reduced: "trust policy" | "flag" | null;
}

export const isAnyCageEnough = ({ standing, reduced }: AgentTrust): boolean => standing.kind !== "stranger" || reduced !== null;

/** Throws `TRUST_ISOLATION` where a stranger would run in less than the full cage. */
export function needsCage(name: string, dir: string, trust: AgentTrust, { lacks, name: cage }: Isolation): void {
  if (lacks === null || isAnyCageEnough(trust)) return;
  throw new TrustError(
    "TRUST_ISOLATION",
    `nobody whom this home trusts vouches for \`${name}\` (${standingText(trust.standing)}), and this machine gives less than the full cage: ${lacks.why} (${cage})`,
    {
      place: { file: dir },
      hint: `${lacks.mend}; or take the risk for this agent: \`--accept-reduced ${name}\`, or \`isolation = "reduced"\` under [agents.${name}] in trust-policy.toml`,
    },
  );
}

/**
 * Agents that come with rlp share a process, and so do agents of one trusted key. A stranger has one for itself, by what it is and
 * what it may. Whoever reads the real time is alone: with it one could watch the others.
 */
export function domainOf(standing: Standing, digest: Digest, grant: Grant): string {
  const itself = (): Digest => jsonDigest({ component: digest, grant: grant as unknown as Json });
  if (grant.time === "real") return `real-time:${itself()}`;
  if (standing.kind === "bundled") return BUNDLED;
  return standing.kind === "signed" ? `key:${standing.key}` : `stranger:${itself()}`;
}
