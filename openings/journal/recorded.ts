/** What each attempt had done, read back from the events of its run. */
import type { MetaOf, RunEvent, RunEventOf } from "#core/events.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import { nothingRecorded, type RecordedAttempt, type RecordedFuel } from "../engine/world.js";
import { budgetScope, unit } from "../engine/spending.js";
import { HistoryError } from "./error.js";

interface Recording {
  readonly node: NodeId;
  readonly attempt: number;
  readonly started: RunEventOf<"node.started">;
  finished: RunEventOf<"node.finished"> | null;
  readonly calls: Map<number, RunEventOf<"call.finished">>;
  readonly begun: Map<number, RunEventOf<"call.started">>;
  readonly proposals: RunEventOf<"action.proposed">[];
  readonly decisions: RunEventOf<"action.decided">[];
  readonly outcomes: RunEventOf<"action.finished">[];
  logs: number;
  fuel: RecordedFuel | null;
}

/** One attempt of a history: how it began, what it did, how it ended (null: it has not). */
export interface AttemptRecord {
  readonly node: NodeId;
  readonly attempt: number;
  readonly started: RunEventOf<"node.started">;
  readonly finished: RunEventOf<"node.finished"> | null;
  /** Calls with an outside effect as they were begun, answered or not. */
  readonly begun: readonly RunEventOf<"call.started">[];
  readonly recorded: RecordedAttempt;
}

/** The attempts of a run in the order in which they started. Throws `HistoryError` where an event belongs to no attempt. */
export class Recordings {
  readonly #attempts = new Map<string, Recording>();
  readonly #byProposal = new Map<ProposalId, Recording>();
  /** By node: the attempt that was started last. */
  readonly #latest = new Map<string, Recording>();
  readonly #expanded = new Map<string, number>();
  readonly #collected = new Map<string, MetaOf<"node.collected">>();

  constructor(events: Iterable<RunEvent>) {
    for (const event of events) this.#add(event);
  }

  /** Empty when the attempt has done nothing yet, or does not exist. */
  of(node: NodeId, attempt: number): RecordedAttempt {
    const recording = this.#attempts.get(key(node, attempt));
    return recording ? recordedAttempt(recording) : nothingRecorded;
  }

  find(node: NodeId, attempt: number): AttemptRecord | undefined {
    const recording = this.#attempts.get(key(node, attempt));
    return recording && attemptRecord(recording);
  }

  /** How many invocations a `for_each` had; 0 where it has not come to any. */
  itemsOf(node: NodeId): number {
    return this.#expanded.get(node) ?? 0;
  }

  collected(node: NodeId): MetaOf<"node.collected"> | undefined {
    return this.#collected.get(node);
  }

  *all(): Iterable<AttemptRecord> {
    for (const recording of this.#attempts.values()) yield attemptRecord(recording);
  }

  #add(event: RunEvent): void {
    switch (event.kind) {
      case "node.expanded":
        this.#expanded.set(event.meta.node, event.meta.items);
        return;
      case "node.collected":
        this.#collected.set(event.meta.node, event.meta);
        return;
      case "budget.reserved":
      case "budget.charged":
      case "budget.exhausted": {
        const recording = event.meta.unit === unit.fuel ? this.#latest.get(event.meta.scope) : undefined;
        if (recording) recording.fuel = fuelAfter(recording.fuel, event);
        return;
      }
      case "node.started":
        return this.#begin(event);
      case "node.finished": {
        const recording = this.#attempt(event);
        if (recording.finished) throw twice(event, `attempt ${event.meta.attempt} of ${event.meta.node} ended`);
        recording.finished = event;
        return;
      }
      case "call.started":
        this.#attempt(event).begun.set(event.meta.call_seq, event);
        return;
      case "call.finished": {
        const { calls } = this.#attempt(event);
        if (calls.has(event.meta.call_seq)) throw twice(event, `call ${event.meta.call_seq} of ${event.meta.node} was answered`);
        calls.set(event.meta.call_seq, event);
        return;
      }
      case "log":
      case "node.stdout":
      case "node.stderr":
        this.#attempt(event).logs++;
        return;
      case "action.proposed": {
        const recording = this.#attempt(event);
        recording.proposals.push(event);
        this.#byProposal.set(event.meta.proposal_id, recording);
        return;
      }
      case "action.decided":
        this.#byProposal.get(event.meta.proposal_id)?.decisions.push(event);
        return;
      case "action.finished":
        this.#byProposal.get(event.meta.proposal_id)?.outcomes.push(event);
    }
  }

  #begin(event: RunEventOf<"node.started">): void {
    const { node, attempt } = event.meta;
    const name = key(node, attempt);
    if (this.#attempts.has(name)) throw twice(event, `attempt ${attempt} of ${node} started`);
    const recording: Recording = {
      node,
      attempt,
      started: event,
      finished: null,
      calls: new Map(),
      begun: new Map(),
      proposals: [],
      decisions: [],
      outcomes: [],
      logs: 0,
      fuel: null,
    };
    this.#attempts.set(name, recording);
    this.#latest.set(budgetScope(node), recording);
  }

  #attempt(event: RunEvent & { readonly meta: { readonly node: NodeId; readonly attempt: number } }): Recording {
    const { node, attempt } = event.meta;
    const recording = this.#attempts.get(key(node, attempt));
    if (recording) return recording;
    throw HistoryError.at("HISTORY_ORDER", event.seq, `${event.kind} of ${node}, whose attempt ${attempt} has not started`);
  }
}

function fuelAfter(
  before: RecordedFuel | null,
  { kind, meta }: RunEventOf<"budget.reserved"> | RunEventOf<"budget.charged"> | RunEventOf<"budget.exhausted">,
): RecordedFuel | null {
  const charged = before?.charged ?? 0;
  if (kind === "budget.reserved") return { limit: charged + meta.amount, charged, open: true };
  if (!before) return null;
  // Nothing more could be had: it may use again what it has paid for.
  if (kind === "budget.exhausted") return { ...before, limit: charged };
  return { ...before, charged: charged + meta.amount, open: false };
}

function attemptRecord(recording: Recording): AttemptRecord {
  const { node, attempt, started, finished, begun } = recording;
  return { node, attempt, started, finished, begun: inOrder(begun.values()), recorded: recordedAttempt(recording) };
}

function recordedAttempt({ calls, begun, proposals, decisions, outcomes, logs, fuel }: Recording): RecordedAttempt {
  const unfinished = [...begun.values()].filter(({ meta }) => !calls.has(meta.call_seq));
  return { calls: inOrder(calls.values()), unfinished: inOrder(unfinished), proposals, decisions, outcomes, logs, fuel };
}

function inOrder<E extends RunEventOf<"call.started"> | RunEventOf<"call.finished">>(calls: Iterable<E>): readonly E[] {
  return [...calls].sort((a, b) => a.meta.call_seq - b.meta.call_seq);
}

const key = (node: NodeId, attempt: number): string => `${node} ${attempt}`;

function twice({ seq }: RunEvent, what: string): HistoryError {
  return HistoryError.at("HISTORY_ORDER", seq, `${what} twice`);
}
