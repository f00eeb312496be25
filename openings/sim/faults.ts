/** What can go wrong in a simulated world, and how often an attempt draws it. */
import { hostFailure, type Failure } from "#core/values.js";
import type { Random } from "./random.js";

/** What each one does to an attempt; `crash` is done to the process. */
export const faults = {
  crash: "the process dies at any event, and the run is resumed",
  retryable: "the agent fails in a way that another attempt can help",
  error: "the agent fails for good",
  trap: "the guest traps",
  timeout: "the attempt takes longer than it may",
  slow: "the attempt takes a hundred times as long",
  provider: "a model call fails",
  reject: "a person turns a proposal down",
  type: "an output does not fit its port's type",
} as const;

export type Fault = keyof typeof faults;
export const allFaults = Object.keys(faults) as readonly Fault[];

/** Of the attempts, how many meet a fault, where any are asked for. */
const SHARE = 0.25;

/** What an attempt meets; null: nothing. */
export function faultOf(random: Random, chosen: readonly Fault[]): Fault | null {
  const own = chosen.filter((fault) => fault !== "crash");
  return own.length > 0 && random.chance(SHARE) ? random.pick(own) : null;
}

/** How an attempt that met the fault ends; null: that is not its end. */
export function failureOf(fault: Fault | null): Failure | null {
  switch (fault) {
    case "retryable":
      return { code: "sim.retryable", message: "a simulated failure that another attempt can help", retryable: true };
    case "error":
      return { code: "sim.error", message: "a simulated failure", retryable: false };
    case "trap":
      return hostFailure("host.trap", "a simulated trap");
    case "type":
      return hostFailure("host.type", "a simulated value of another type");
    default:
      return null;
  }
}
