/** What travels between agents: messages, labels, and the form in which values stand in events. */
import * as z from "zod";
import type { Digest } from "./digest.js";
import type { Json } from "./json.js";

/**
 * Where a value came from: `untrusted:<host or tool>`, `private:<domain>`, `secret:<id>`, `model`. Sorted, without repeats. The
 * host computes them (the join of what an attempt read before it wrote); guests can neither set nor drop them.
 */
export type Labels = readonly string[];

/** The join of label sets: sorted union. */
export function joinLabels(...sets: readonly Labels[]): Labels {
  return [...new Set(sets.flat())].sort();
}

/** One value on a port. `type` is a port type name such as `contact.list.v1`. */
export interface Message {
  readonly port: string;
  readonly type: string;
  readonly body: Json;
  readonly labels: Labels;
}

/** Values of at most this many bytes of canonical JSON stand in the event itself, larger ones in a blob. */
export const INLINE_BYTES = 4096;

/** A value as an event carries it: itself, or the digest of the blob that holds its canonical JSON. */
export type StoredValue = { readonly value: Json } | { readonly blob: Digest; readonly bytes: number };

export const json: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);
export const digest = z.custom<Digest>(
  (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
  "not a BLAKE3 digest",
);
export const storedValue: z.ZodType<StoredValue> = z.union([
  z.strictObject({ value: json }),
  z.strictObject({ blob: digest, bytes: z.int().nonnegative() }),
]);
export const labels: z.ZodType<Labels> = z.array(z.string().max(256)).max(1024);

/** An attempt's end that is not a success. Codes of the host begin with `host.`; an agent chooses its own. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}
export const failure = z.strictObject({ code: z.string().max(128), message: z.string().max(4096), retryable: z.boolean() });

/** The codes that the host gives to failed attempts, and whether another attempt can help. */
export const hostFailures = {
  /** The guest trapped: unreachable, out of bounds, division by zero, … */
  "host.trap": true,
  "host.fuel-exhausted": true,
  "host.memory-exhausted": true,
  "host.depth-exhausted": true,
  /** More host calls than an attempt may make. */
  "host.calls-exhausted": false,
  /** More bytes in or out than an attempt may be handed or hand out. */
  "host.bytes-exhausted": false,
  /** More of the host's resources open at once than an attempt may hold. */
  "host.handles-exhausted": false,
  "host.timeout": true,
  /** The sandbox process died under this attempt more than once. */
  "host.sandbox-lost": true,
  "host.denied": false,
  "host.budget-exhausted": false,
  /** A value does not fit its port's type. */
  "host.type": false,
  "host.rejected": false,
  "host.cancelled": false,
  /** The component could not be instantiated or does not speak the contract. */
  "host.component": false,
  /** The granted directories have changed under the attempt: another one sees them as they are now. */
  "host.conflict": true,
  /** What the attempt has written could not become part of the granted directories. */
  "host.commit": false,
  /** Of a `for_each`: some of its invocations failed. */
  "host.elements-failed": false,
  /** Of a `for_each`: more elements than one node may be invoked for. */
  "host.elements-exhausted": false,
  /** The opening that the node uses failed, or its `success` did not hold. */
  "host.opening-failed": false,
} as const satisfies Record<string, boolean>;
export type HostFailureCode = keyof typeof hostFailures;

export function hostFailure(code: HostFailureCode, message: string): Failure {
  return { code, message: message.slice(0, 4096).toWellFormed(), retryable: hostFailures[code] }; // no half character at the cut
}

/** The typed error of every host call (`runloop:agent/types#error`). */
export const callError = z.strictObject({
  code: z.enum(["denied", "budget-exhausted", "timeout", "cancelled", "invalid", "unavailable", "failed"]),
  message: z.string().max(4096),
  /** With `unavailable`: milliseconds after which another try may help. */
  retry_after_ms: z.int().nonnegative().optional(),
});
export type CallError = z.infer<typeof callError>;
