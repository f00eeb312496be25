/**
 * Every limit that an attempt has, in one place: what is usual, the most that a manifest may ask for, and how an agent learns that one
 * has bitten. `docs/reference/limits.md` shows this table; a test compares the two.
 */
import type { HostFailureCode } from "#core/values.js";
import { RESPONSE_BODY_BYTES } from "../http/bounds.js";

export type Unit = "fuel" | "MiB" | "ms" | "bytes" | "calls" | "requests" | "lines" | "handles";

/** What happens to the guest when the limit is met. */
export type Bite =
  /** The attempt ends with this failure. */
  | { readonly ends: HostFailureCode }
  /** The host call gets a typed error, and the agent goes on. */
  | { readonly refuses: "invalid" | "failed" | "timeout" }
  /** What is beyond is dropped, and a line of the log counts it. */
  | { readonly drops: true };

export interface Limit {
  readonly unit: Unit;
  /** Where the manifest asks for nothing. */
  readonly usual: number;
  /** What no manifest gets more of. */
  readonly most: number;
  readonly bite: Bite;
  /** One line for people. */
  readonly about: string;
}

const KIB = 1 << 10;
const MIB = 1 << 20;
/** One answer of the host; the largest that a guest can be handed without a pause that others would feel. */
const ANSWER_BYTES = 8 * MIB;

const limits = {
  fuel: {
    unit: "fuel",
    usual: 2_000_000_000,
    most: 1e12,
    bite: { ends: "host.fuel-exhausted" },
    about: "computing of one attempt; 2 × 10⁹ is about two seconds of compiled code",
  },
  memory_mib: {
    unit: "MiB",
    usual: 64,
    most: 1024,
    bite: { ends: "host.memory-exhausted" },
    about: "linear memory",
  },
  wall_ms: {
    unit: "ms",
    usual: 15_000,
    most: 86_400_000,
    bite: { ends: "host.timeout" },
    about: "real time of one attempt, without the time in which a person decides",
  },
  calls: {
    unit: "calls",
    usual: 10_000,
    most: 100_000,
    bite: { ends: "host.calls-exhausted" },
    about: "host calls of one attempt that need the control process (`log`, `clock`, `random`, `state` do not)",
  },
  bytes_in: {
    unit: "bytes",
    usual: 64 * MIB,
    most: 1024 * MIB,
    bite: { ends: "host.bytes-exhausted" },
    about: "everything that one attempt is handed: its invocation and all answers",
  },
  bytes_out: {
    unit: "bytes",
    usual: 64 * MIB,
    most: 1024 * MIB,
    bite: { ends: "host.bytes-exhausted" },
    about: "everything that one attempt hands out: arguments of all calls, log lines and outputs",
  },
  answer_bytes: {
    unit: "bytes",
    usual: ANSWER_BYTES,
    most: ANSWER_BYTES,
    bite: { refuses: "failed" },
    about: "one answer to a host call, as JSON",
  },
  log_lines: { unit: "lines", usual: 1000, most: 10_000, bite: { drops: true }, about: "lines of the log of one attempt" },
  log_bytes: {
    unit: "bytes",
    usual: MIB,
    most: 8 * MIB,
    bite: { drops: true },
    about: "the log of one attempt, in UTF-16 code units of messages and fields",
  },
  handles: {
    unit: "handles",
    usual: 1024,
    most: 16 * KIB,
    bite: { ends: "host.handles-exhausted" },
    about: "resources of the host that are open at once",
  },
  http_requests: {
    unit: "requests",
    usual: 100,
    most: 1000,
    bite: { refuses: "failed" },
    about: "requests of one attempt; redirects count with the request that they follow from",
  },
  http_response_bytes: {
    unit: "bytes",
    usual: MIB,
    most: RESPONSE_BODY_BYTES,
    bite: { refuses: "failed" },
    about: "body of one response, decoded",
  },
  http_timeout_ms: {
    unit: "ms",
    usual: 30_000,
    most: 300_000,
    bite: { refuses: "timeout" },
    about: "one request, all its redirects included",
  },
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof limits;
export const limitTable: Readonly<Record<LimitName, Limit>> = limits;
export const limitNames = Object.keys(limits) as readonly LimitName[];

/** The same for every agent: a value here is part of what a run means, or protects the process that many share. */
export const fixed = {
  depth: "frame weight of 50,000 (`host.depth-exhausted`): 8 and one per value slot for each open call",
  call_bytes: "1 MiB: arguments of one host call (`invalid`)",
  output_bytes: "1 MiB: outputs of one attempt as JSON (`host.component`)",
  output_messages: "4,096 messages of one attempt (`host.component`)",
  stream_lines: "1,000 lines and 64 KiB of standard error, and of standard output where it is no result (dropped, and counted)",
  sleep_ms: "86,400,000: what one attempt may sleep on its own clock, in all (`host.timeout`)",
  state: "1 MiB in all, 4,096 keys of 256 characters, values of 65,536 characters (`invalid`)",
  files:
    "64 MiB (`file_bytes`) and 5,000 names (`file_changes`) that one attempt leaves changed in granted directories (`quota`)",
  http_bodies:
    "20 MiB of bodies that one attempt keeps open through `wasi:http`, to be sent and received (`connection-limit-reached`)",
  unsuspended_fuel:
    "10⁶ in a start function or post-return, and for an allocation half a unit more per byte (`host.fuel-exhausted`)",
} as const;
