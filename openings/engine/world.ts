/**
 * What the engine needs from the world, as values. The host gives real ones, the tests a simulated world with seeded time,
 * failures and a crash at any event.
 */
import type { Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft, RunEventOf } from "#core/events.js";
import type { Json, JsonObject } from "#core/json.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import type { Opening } from "../ir.js";
import type { Failure, Labels, Message, StoredValue } from "#core/values.js";

/** `now` (the default): somebody waits. `soon`: nobody does, and a few milliseconds more are well spent on sharing a write to the disk. */
export type Haste = "now" | "soon";

/**
 * The run's stream. Appends keep their order; each is one transaction and resolves, with the placed events, when its rows are
 * durable. What belongs together (a call's answer and its charge) goes in one append.
 */
export interface Journal {
  append(drafts: readonly RunEventDraft[], haste?: Haste): Promise<readonly RunEvent[]>;
  /** As `append`, for whoever needs no more than to know that they are durable. */
  write(drafts: readonly RunEventDraft[], haste?: Haste): Promise<void>;
  /** Stores a value: inline when its canonical JSON has at most `INLINE_BYTES`, else as a blob that the next append makes durable. */
  store(value: Json): StoredValue;
  /** Stores a value's canonical JSON as a blob, however small it is, and says the blob's digest: artifacts, the opening itself. */
  keep(value: Json): Digest;
  /** The value behind a stored value. Throws when the blob is missing or does not match its digest. */
  load(stored: StoredValue): Json;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, rejects with the signal's reason when that aborts first. `sleep(0)` only lets others have the thread. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** One attempt of one node, complete: the same specification gives the same end. */
export interface AttemptSpec {
  readonly node: NodeId;
  readonly agent: string;
  /** The opening that the node uses in place of an agent. */
  readonly opening: Opening | null;
  /** From 1. */
  readonly attempt: number;
  readonly with: JsonObject;
  /** Per port in the order of the edges in the file; a `with` value that supplies a port stands here too. */
  readonly inputs: readonly Message[];
  readonly inputsHash: Digest;
  /** 64 hex digits, drawn from (run seed, node, attempt, "attempt"). */
  readonly seed: Digest;
  readonly epochMs: number;
  /** The node's `state` store as the previous attempt left it. */
  readonly state: JsonObject;
  /** Wall-clock limit of the attempt, or null. */
  readonly timeoutMs: number | null;
  /** What this attempt had done before the run was interrupted: replayed first, then live. Empty for a fresh attempt. */
  readonly recorded: RecordedAttempt;
}

/** The calls of an attempt as the journal holds them, in order of `call_seq`. */
export interface RecordedAttempt {
  readonly calls: readonly RunEventOf<"call.finished">[];
  /** Started and never finished: their outcome is unknown. */
  readonly unfinished: readonly RunEventOf<"call.started">[];
  readonly proposals: readonly RunEventOf<"action.proposed">[];
  readonly decisions: readonly RunEventOf<"action.decided">[];
  readonly outcomes: readonly RunEventOf<"action.finished">[];
  /** Lines of its log and of standard streams that this attempt has written: re-execution does not write them again. */
  readonly logs: number;
  /** What it got within a budget in fuel; null: there was no budget, or nothing had been reserved yet. */
  readonly fuel: RecordedFuel | null;
}

export interface RecordedFuel {
  /** It may use so much in all. */
  readonly limit: number;
  /** Charged already, when it was parked or had just come to its end: executed again, it pays for what goes beyond that. */
  readonly charged: number;
  /** The rest of the limit is reserved still. */
  readonly open: boolean;
}

export const nothingRecorded: RecordedAttempt = {
  calls: [],
  unfinished: [],
  proposals: [],
  decisions: [],
  outcomes: [],
  logs: 0,
  fuel: null,
};

export interface AttemptCosts {
  readonly fuel: number;
  readonly peakMemoryBytes: number;
  readonly journalHash: Digest;
  readonly localHash: Digest;
  readonly tokens: number;
  readonly usd: number;
  readonly calls: number;
}

export type AttemptEnd =
  | ({
      readonly status: "ok";
      readonly outputs: readonly Message[];
      /** Of the outputs; the attempt's journal holds it too. */
      readonly outputsHash: Digest;
      readonly state: JsonObject;
    } & AttemptCosts)
  | ({
      readonly status: "error";
      readonly failure: Failure;
      readonly state: JsonObject;
      /** The join of what the attempt had read. */
      readonly labels?: Labels;
    } & AttemptCosts)
  | ({ readonly status: "cancelled"; readonly state: JsonObject } & AttemptCosts)
  /** The attempt waits for a decision and nobody is there to ask: nothing of it is kept but its journal. */
  | { readonly status: "parked"; readonly proposal: ProposalId };

/** Runs attempts. The promise always settles; a failure of the host itself (disk full, a bug) rejects and ends the run's process. */
export interface Executor {
  execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd>;
}

/** Join of everything an attempt read; the executor sets them on the outputs. */
export type ReadLabels = Labels;
