/** What the control process and a sandbox process say to each other. Every kind is closed; what comes from X is checked here. */
import * as z from "zod";
import type { JsonLimits, Json, JsonObject } from "#core/json.js";
import { failure } from "#core/values.js";
import type { CallError } from "#core/values.js";
import type { GrantedDirectories, GuestSpec } from "../component/contract.js";
import { wantedChanges } from "../fs/changes.js";

/** Sandbox to control: one message, all of its parts. `end` is the largest (1 MiB of outputs, 1 MiB of state, escaped, and 2 MiB of changed names). */
export const MESSAGE_BYTES = 10 << 20;
/** The largest arguments of one call and the largest outputs of one attempt, as JSON text. */
export const VALUE_BYTES = 1 << 20;
/**
 * What is parsed before it can be checked, by the kind that a message begins with: a message is taken as a whole, and its elements
 * decide how long that takes. Those of a call follow from `VALUE_BYTES` (16 for each value), those of an end from the keys of a
 * state and the number of outputs, those of a log from what one line may hold. Whatever names no kind first is none of ours.
 */
const ELEMENTS: Readonly<Record<string, number>> = {
  call: 70_000,
  end: 20_000,
  log: 2_000,
  drop: 100,
  line: 100,
  ready: 100,
  pong: 100,
};
export function messageLimits(text: string): JsonLimits {
  const kind = /^\{"t":"([a-z]{1,8})"/.exec(text)?.[1] ?? "";
  return { bytes: MESSAGE_BYTES, depth: 40, elements: (Object.hasOwn(ELEMENTS, kind) && ELEMENTS[kind]) || 0 };
}

/** Text that has a UTF-8 form: what has none has no digest, and would be found out only where it is to be stored. */
const text = z.string().refine((value) => value.isWellFormed(), "holds a lone surrogate");
const json = z.custom<Json>((value) => wellFormed(value), "holds a lone surrogate");
function wellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && wellFormed(item));
}
/** Not records of the library, which leave out a member named `__proto__` and do not look at what it holds. */
const object = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value) && wellFormed(value),
  "is no object of well-formed text",
);
const texts = object.refine(
  (value) => Object.entries(value).every(([key, item]) => key.length <= 256 && typeof item === "string" && item.length <= 65_536),
  "holds something else than short texts",
);

const attempt = z.int().nonnegative();
const fuel = z.int().nonnegative();
const metLimit = z.strictObject({ name: z.string().max(64), value: z.number(), ceiling: z.number() });
const end = {
  t: z.literal("end"),
  attempt,
  fuel,
  peakMemoryBytes: z.int().nonnegative(),
  localHash: z.string().regex(/^[0-9a-f]{64}$/),
  state: texts,
  met: z.array(metLimit).max(16).optional(),
};
const output = z.strictObject({ port: text.max(64), type: text.max(256), body: text });

/** X → C. */
export const fromSandbox = z.discriminatedUnion("t", [
  z.strictObject({ t: z.literal("ready"), node: z.string().max(64) }),
  z.strictObject({ t: z.literal("pong"), n: z.int().nonnegative() }),
  z.strictObject({
    t: z.literal("call"),
    attempt,
    seq: z.int().nonnegative(),
    interface: z.string().max(64),
    function: z.string().max(64),
    args: z.array(json).max(16),
    fuel,
  }),
  z.strictObject({ t: z.literal("drop"), attempt, resource: z.string().max(64), name: json }),
  z.strictObject({
    t: z.literal("log"),
    attempt,
    level: z.enum(["trace", "debug", "info", "warn", "error"]),
    message: text.max(16_384),
    fields: object,
  }),
  z.strictObject({
    t: z.literal("line"),
    attempt,
    stream: z.enum(["stdout", "stderr"]),
    level: z.enum(["info", "warn"]),
    chunk: text.max(4096),
  }),
  z.discriminatedUnion("kind", [
    z.strictObject({ ...end, kind: z.literal("exited"), stdout: text, changes: wantedChanges.optional() }),
    z.strictObject({ ...end, kind: z.literal("ok"), outputs: z.array(output).max(4096), changes: wantedChanges.optional() }),
    z.strictObject({
      ...end,
      kind: z.literal("failed"),
      failure: failure.refine((value) => wellFormed(value), "holds a lone surrogate"),
      limit: metLimit.optional(),
    }),
    z.strictObject({ ...end, kind: z.literal("cancelled") }),
  ]),
]);
export type FromSandbox = z.infer<typeof fromSandbox>;
export type SandboxEndMessage = Extract<FromSandbox, { t: "end" }>;

export interface StartMessage {
  readonly t: "start";
  readonly attempt: number;
  /** A component that a `load` has named. */
  readonly component: number;
  readonly node: string;
  readonly number: number;
  readonly with: string;
  readonly inputs: readonly {
    readonly port: string;
    readonly type: string;
    readonly body: string;
    readonly labels: readonly string[];
  }[];
  readonly seed: string;
  readonly epochMs: number;
  readonly state: JsonObject;
  readonly limits: Required<GuestSpec["limits"]>;
  readonly linked: readonly string[];
  readonly stubs: readonly string[];
  readonly granted: Required<GuestSpec>["granted"];
  readonly directories: GrantedDirectories;
}

/** C → X. Trusted: it is typed, not checked. */
export type ToSandbox =
  /** Modules follow as transfers. */
  | {
      readonly t: "load";
      readonly component: number;
      /** A `LinkPlan` as JSON text. */
      readonly plan: string;
      readonly modules: readonly { readonly name: string; readonly transfer: number; readonly bytes: number }[];
    }
  /** No guest is in it, and none will come. */
  | { readonly t: "unload"; readonly component: number }
  | StartMessage
  | { readonly t: "answer"; readonly attempt: number; readonly seq: number; readonly ok: Json }
  | { readonly t: "answer"; readonly attempt: number; readonly seq: number; readonly err: CallError }
  /** The host could not answer: the attempt ends with `host.component`. */
  | { readonly t: "answer"; readonly attempt: number; readonly seq: number; readonly failed: string }
  | { readonly t: "cancel"; readonly attempt: number }
  | { readonly t: "ping"; readonly n: number };
