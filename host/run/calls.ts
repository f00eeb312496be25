/**
 * The host calls of one attempt, in order: those that the journal holds are answered from it, the rest live. A guest that is executed
 * again (after a crash of the host, a death of its sandbox process, or in a replay) must ask the same questions at the same fuel.
 */
import { DataError, RlpError } from "#core/errors.js";
import type { Digest } from "#core/digest.js";
import type { RunEventDraft, RunEventOf } from "#core/events.js";
import type { Json } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import { joinLabels, type Labels } from "#core/values.js";
import type { AttemptSpec, Journal } from "#openings/engine/world.js";
import { requestHash, responseHash } from "#openings/journal/hash.js";
import { stubDenial } from "../capability/link.js";
import type { CallAnswer, GuestCall } from "../component/contract.js";
import { limitsOf } from "../limits/effective.js";
import {
  CallDenied,
  CallFailure,
  refuse,
  type CallContext,
  type CallResult,
  type HitLimit,
  type HostFunctions,
} from "../imports/interface.js";
import { placeInRun } from "./place.js";

export interface CallRecord {
  readonly seq: number;
  readonly interface: string;
  readonly function: string;
  readonly requestHash: Digest;
  readonly responseHash: Digest;
  readonly answer: CallAnswer;
  readonly labels: Labels;
  readonly fuel: number;
}

export type DivergenceCode = "REPLAY_DIVERGED";

/** The guest did something else than the journal says. */
export class Divergence extends RlpError<DivergenceCode> {
  readonly family = "replay";
  override readonly exit = 4;
  readonly call: number | null;
  /** The guest asked for more than the journal holds: in a run that was cut off, that is no disagreement. */
  readonly beyond: boolean;
  readonly what: string;
  readonly expected: Json;
  readonly got: Json;
  constructor(at: {
    node: string;
    attempt: number;
    call: number | null;
    what: string;
    expected: Json;
    got: Json;
    beyond?: boolean;
  }) {
    super("REPLAY_DIVERGED", `${at.what}: expected ${brief(at.expected)}, got ${brief(at.got)}`, {
      place: { at: placeInRun(at.node, at.attempt, at.call) },
    });
    this.call = at.call;
    this.beyond = at.beyond ?? false;
    this.what = at.what;
    this.expected = at.expected;
    this.got = at.got;
  }
}

const brief = (value: Json): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** Answers calls that the journal does not hold. `null` in a replay: there nothing is live. */
export interface LiveCalls {
  readonly functions: HostFunctions;
  context(call: GuestCall, requestHash: Digest): CallContext;
  readonly journal: Journal;
  now(): number;
}

export class AttemptCalls {
  private readonly spec: AttemptSpec;
  private readonly live: LiveCalls | null;
  private readonly journal: Pick<Journal, "load">;
  /** By `call_seq`: settled or on the way. A second execution of the guest finds what the first one asked. */
  private readonly made: Promise<CallRecord>[];
  private readonly recordedCount: number;
  private askedCount = 0;
  /** Aborts the guest for a reason that is not the guest's: parked, diverged, or the host is broken. */
  private readonly stop: (reason: Error) => void;

  constructor(spec: AttemptSpec, journal: Pick<Journal, "load">, live: LiveCalls | null, stop: (reason: Error) => void) {
    this.spec = spec;
    this.live = live;
    this.journal = journal;
    this.stop = stop;
    this.made = spec.recorded.calls.map((event) => this.fromJournal(event));
    for (const record of this.made) record.catch(() => {}); // met where it is asked for
    this.recordedCount = this.made.length;
  }

  private async fromJournal(event: RunEventOf<"call.finished">): Promise<CallRecord> {
    const { meta } = event;
    const at = { node: meta.node, attempt: meta.attempt, call: meta.call_seq };
    const response = this.loadResponse(meta, at);
    const hash = responseHash(response);
    if (hash !== meta.response_hash)
      throw new Divergence({
        ...at,
        what: "the recorded response does not match its digest",
        expected: meta.response_hash,
        got: hash,
      });
    return {
      seq: meta.call_seq,
      interface: meta.interface,
      function: meta.function,
      requestHash: meta.request_hash,
      responseHash: meta.response_hash,
      answer: response as unknown as CallAnswer,
      labels: meta.labels,
      fuel: meta.fuel,
    };
  }

  private loadResponse(meta: RunEventOf<"call.finished">["meta"], at: { node: string; attempt: number; call: number }): Json {
    try {
      return this.journal.load(meta.response);
    } catch (error) {
      throw new Divergence({
        ...at,
        what: "the recorded response cannot be read",
        expected: meta.response_hash,
        got: String((error as Error).message),
      });
    }
  }

  /** Answers one call of the guest. Rejects only when the attempt cannot go on; then `stop` has been called with the reason. */
  async answer(call: GuestCall): Promise<CallAnswer> {
    try {
      this.askedCount = Math.max(this.askedCount, call.seq + 1);
      const hash = requestHash(call.interface, call.function, call.args);
      const before = this.made[call.seq];
      if (before) {
        const record = await before;
        this.compare(record, call, hash);
        return record.answer;
      }
      if (call.seq !== this.made.length) throw new DataError("DATA_BAD_EVENT", `call ${call.seq} came out of turn`);
      if (!this.live) {
        const got = `${call.interface}.${call.function}`;
        throw new Divergence({
          node: this.spec.node,
          attempt: this.spec.attempt,
          call: call.seq,
          what: "a call that the journal does not hold",
          expected: null,
          got,
          beyond: true,
        });
      }
      const record = this.perform(this.live, call, hash);
      this.made.push(record);
      record.catch(() => {});
      return (await record).answer;
    } catch (error) {
      this.stop(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** The same component comes to each call with the same fuel. */
  protected get comparesFuel(): boolean {
    return true;
  }

  private compare(record: CallRecord, call: GuestCall, hash: Digest): void {
    const at = { node: this.spec.node, attempt: this.spec.attempt, call: call.seq };
    const asked = `${record.interface}.${record.function}`;
    const asks = `${call.interface}.${call.function}`;
    if (asked !== asks) throw new Divergence({ ...at, what: "another function is called", expected: asked, got: asks });
    if (record.requestHash !== hash)
      throw new Divergence({ ...at, what: `the request of ${asks} differs`, expected: record.requestHash, got: hash });
    if (this.comparesFuel && record.fuel !== call.fuel)
      throw new Divergence({ ...at, what: `the fuel at ${asks} differs`, expected: record.fuel, got: call.fuel });
  }

  private async perform(live: LiveCalls, call: GuestCall, hash: Digest): Promise<CallRecord> {
    const context = live.context(call, hash);
    const since = live.now();
    const result = await outcome(live.functions, context, call);
    const answer = result.answer as unknown as Json;
    const record: CallRecord = {
      seq: call.seq,
      interface: call.interface,
      function: call.function,
      requestHash: hash,
      responseHash: responseHash(answer),
      answer: result.answer,
      labels: joinLabels(result.labels),
      fuel: call.fuel,
    };
    const name = `${call.interface}.${call.function}`;
    const drafts: RunEventDraft[] = [
      ...(result.denial
        ? [
            {
              kind: "cap.denied" as const,
              level: "warn" as const,
              message: `${context.node} (${context.agent.name}) may not ${result.denial.op}: ${result.denial.reason}`,
              meta: { node: context.node, agent: context.agent.name, ...result.denial },
            },
          ]
        : []),
      ...(result.events ?? []),
      {
        kind: "call.finished",
        level: "err" in result.answer ? "warn" : "info",
        message: `${context.node} ${name}${"err" in result.answer ? `: ${result.answer.err.code}` : ""}`,
        meta: {
          node: context.node,
          attempt: context.attempt,
          call_seq: call.seq,
          interface: call.interface,
          function: call.function,
          request_hash: hash,
          response: live.journal.store(answer),
          response_hash: record.responseHash,
          labels: [...record.labels],
          fuel: call.fuel,
          duration_ms: Math.max(0, live.now() - since),
          decision: result.denial ? "denied" : "allowed",
        },
      },
    ];
    // The guest does not wait for the disk: the journal keeps the order, and a disk that fails stops the run at its next append.
    live.journal.append(drafts, "soon").catch((error: unknown) => this.stop(error as Error));
    return record;
  }

  /** What was really asked and answered, in order; calls that were on the way when the guest ended are left out. */
  async settled(): Promise<readonly CallRecord[]> {
    const all = await Promise.allSettled(this.made.slice(0, this.askedCount));
    const records: CallRecord[] = [];
    for (const one of all) {
      if (one.status !== "fulfilled") break;
      records.push(one.value);
    }
    return records;
  }

  /** How many calls the guest has made, in all its executions. */
  get asked(): number {
    return this.askedCount;
  }

  /** A guest that ends by itself must have asked all that the journal says it asked. Throws `Divergence`. */
  checkComplete(): void {
    if (this.askedCount >= this.recordedCount) return;
    const missing = this.spec.recorded.calls[this.askedCount];
    const { node, attempt } = this.spec;
    throw new Divergence({
      node,
      attempt,
      call: this.askedCount,
      what: "the attempt ended without a call that the journal holds",
      expected: missing ? `${missing.meta.interface}.${missing.meta.function}` : null,
      got: null,
    });
  }
}

async function outcome(functions: HostFunctions, context: CallContext, call: GuestCall): Promise<CallResult> {
  const name = `${call.interface}.${call.function}`;
  try {
    // Whoever would answer for it is not asked: a clock's stub has nobody here who would.
    refuse(stubDenial(context.agent, context.grant, call));
    const run = functions.get(name);
    if (!run) throw new CallFailure("invalid", `this host has no function \`${name}\``);
    return fitting(context, await run(context, call.args));
  } catch (error) {
    // A call that was cut off is not recorded: a resumed run makes it again.
    if (context.signal.aborted) throw error;
    if (error instanceof CallDenied)
      return { answer: { err: error.error }, labels: error.labels, denial: { ...error.denial, op: name } };
    if (error instanceof CallFailure)
      return { answer: { err: error.error }, labels: error.labels, ...(error.limit && { events: [hit(context, error.limit)] }) };
    throw error;
  }
}

/** The result, or a typed error in its place where it is more than the guest may be handed at once. What was done stays done. */
function fitting(context: CallContext, result: CallResult): CallResult {
  const { answer_bytes: ceiling } = limitsOf(context.agent.limits);
  const value = Buffer.byteLength(JSON.stringify(result.answer));
  if (value <= ceiling) return result;
  const limit = { name: "answer_bytes", value, ceiling };
  const { error } = new CallFailure("failed", `the answer has ${value} bytes, where ${ceiling} are the limit`);
  return { ...result, answer: { err: error }, events: [...(result.events ?? []), hit(context, limit)] };
}

function hit({ node }: CallContext, { name, value, ceiling }: HitLimit): RunEventDraft {
  return {
    kind: "limit.hit",
    level: "warn",
    message: `${node}: ${name} reached (${ceiling})`,
    meta: { node, limit: name, value, ceiling },
  };
}

/** Tokens that a model call's answer says it used. */
export function tokensOf(record: CallRecord): number {
  if (record.interface !== "model" || !("ok" in record.answer)) return 0;
  const value = record.answer.ok;
  if (!isJsonObject(value)) return 0;
  const count = (name: string): number => (typeof value[name] === "number" ? (value[name] as number) : 0);
  return count("input_tokens") + count("output_tokens");
}
