/** Every draw comes from (run seed, node, attempt, purpose), never from one shared stream: no draw depends on who drew before. */
import type { Digest } from "#core/digest.js";
import type { NodeId } from "#core/ids.js";
import { jsonDigest } from "#core/json.js";

const VERSION = "rlp.seed.1";

/** `attempt`: what the guest's own randomness starts from. `retry`: the jitter of the pause after this attempt. */
export type Purpose = "attempt" | "retry";

/** `runSeed` is an integer from 0 to 2^53 − 1, `attempt` counts from 1. */
export function attemptSeed(runSeed: number, node: NodeId, attempt: number, purpose: Purpose): Digest {
  return jsonDigest([VERSION, runSeed, node, attempt, purpose]);
}

/** A number in [0, 1) from the first 52 bits of a seed. */
export function fraction(seed: Digest): number {
  return parseInt(seed.slice(0, 13), 16) / 2 ** 52;
}
