/** What every interface of a guest is made of on this side: typed functions behind a check, answered in the control process. */
import type { Digest } from "#core/digest.js";
import type { RunEventDraft } from "#core/events.js";
import type { Json } from "#core/json.js";
import type { NodeId, ProposalId, TraceId } from "#core/ids.js";
import type { CallError, Labels } from "#core/values.js";
import type { CallAnswer } from "../component/contract.js";
import type { AgentInterface, Grant } from "#openings/agent.js";
import type { Journal, RecordedAttempt, Clock } from "#openings/engine/world.js";
import type { Held } from "../run/held.js";
import type { Denial } from "../capability/authorize.js";

/** Who calls, and what a call may use. */
export interface CallContext {
  readonly traceId: TraceId;
  readonly node: NodeId;
  readonly agent: AgentInterface;
  readonly grant: Grant;
  readonly attempt: number;
  readonly seq: number;
  readonly requestHash: Digest;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly recorded: RecordedAttempt;
  /** What the attempt holds open: closed when the guest drops it, and when the attempt ends. */
  readonly held: Held;
  /** Stops the attempt's wall clock while a person thinks. */
  readonly offTheClock: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface CallResult {
  readonly answer: CallAnswer;
  /** Where the answer came from. */
  readonly labels: Labels;
  /** Events that must become durable together with `call.finished`. */
  readonly events?: readonly RunEventDraft[];
  readonly tokens?: number;
  readonly denial?: Denial & { readonly op: string };
}

/** One function of an interface: `args` are the WIT arguments in order. Throws `CallFailure` for a typed error. */
export type HostFunction = (context: CallContext, args: readonly Json[]) => Promise<CallResult>;
/** The functions by `interface.function`, as the WIT spells them. */
export type HostFunctions = ReadonlyMap<string, HostFunction>;

/** A server may ask for any wait; no agent is told of more than a day. */
const LONGEST_WAIT_MS = 86_400_000;

export interface HitLimit {
  readonly name: string;
  readonly value: number;
  readonly ceiling: number;
}

/** Ends a host call with a typed error. */
export class CallFailure extends Error {
  readonly error: CallError;
  readonly labels: Labels;
  /** The limit that bit, which is an event of its own. */
  readonly limit: HitLimit | null;
  constructor(
    code: CallError["code"],
    message: string,
    options: { retryAfterMs?: number; labels?: Labels; limit?: HitLimit | null } = {},
  ) {
    super(message);
    this.error = {
      code,
      message: message.slice(0, 4096).toWellFormed(), // no half character at the cut
      ...(options.retryAfterMs !== undefined && { retry_after_ms: Math.min(LONGEST_WAIT_MS, Math.ceil(options.retryAfterMs)) }),
    };
    this.labels = options.labels ?? [];
    this.limit = options.limit ?? null;
  }
}

/** The grant does not hold what the call needs. */
export class CallDenied extends CallFailure {
  readonly denial: Denial;
  /** `labels`: where the denial's words came from, where they are not the host's own. */
  constructor(denial: Denial, labels: Labels = []) {
    super("denied", `${denial.cap}: ${denial.reason}`, { labels });
    this.denial = denial;
  }
}

export function refuse(denial: Denial | null): void {
  if (denial) throw new CallDenied(denial);
}

/** Thrown by a call that waits for a decision with nobody there to ask: the attempt ends and the run parks. */
export class Parked extends Error {
  readonly proposal: ProposalId;
  constructor(proposal: ProposalId) {
    super("waiting for a decision");
    this.proposal = proposal;
  }
}
