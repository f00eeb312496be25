/** One attempt: its record checked against its own digests, executed again, and compared. */
import type { Digest } from "#core/digest.js";
import type { RunEventOf } from "#core/events.js";
import { canonicalJson, jsonDigest, type Json } from "#core/json.js";
import type { Failure, HostFailureCode, Message } from "#core/values.js";
import { loadStore, type Load } from "../engine/attempt.js";
import type { AttemptSpec } from "../engine/world.js";
import { comparableFailure, inputsHash, JournalHasher, outputsHash, responseHash, type HashedEnd } from "../journal/hash.js";
import type { AttemptRecord } from "../journal/recorded.js";
import type { ReplayedEnd, ReplayExecutor, ReplaySpec } from "./executor.js";
import { Diverged, type Disagreement } from "./verdict.js";

type Finished = RunEventOf<"node.finished">["meta"];

/** Ends that something outside of the attempt decided: they stand in the record as decisions and do not follow from it. */
const OUTSIDE: ReadonlySet<string> = new Set<HostFailureCode>(["host.timeout", "host.cancelled", "host.sandbox-lost"]);

export class AttemptReplay {
  constructor(
    private readonly record: AttemptRecord,
    private readonly load: Load,
  ) {}

  /** The recorded answers and outputs against their digests; throws `Diverged`. Nothing is executed. */
  checkStored(): void {
    this.#checkPairs();
    for (const { meta } of this.record.recorded.calls) {
      const response = this.#load(meta.response, meta.call_seq);
      this.#agree("response", meta.response_hash, responseHash(response), meta.call_seq);
    }
    const { finished } = this.record;
    if (!finished) return;
    if (finished.meta.state) this.#load(finished.meta.state);
    const hash = finished.meta.status === "ok" ? outputsHash(this.#outputs(finished.meta)) : null;
    this.#agree("outputs", finished.meta.outputs_hash, hash);
  }

  /** A call is answered as it was begun, and a decision is about what was proposed. */
  #checkPairs(): void {
    const { calls, proposals, decisions, unfinished } = this.record.recorded;
    const open = this.record.finished?.meta.status === "ok" ? unfinished[0] : undefined;
    if (open) this.#diverge("end", `call ${open.meta.call_seq} was begun`, "it was never answered", open.meta.call_seq);
    for (const { meta } of this.record.begun) {
      const answer = calls.find((call) => call.meta.call_seq === meta.call_seq)?.meta;
      if (answer) this.#agree("request", identity(meta), identity(answer), meta.call_seq);
    }
    for (const { meta } of decisions) {
      const proposal = proposals.find((proposed) => proposed.meta.proposal_id === meta.proposal_id)?.meta;
      this.#agree("event", meta.args_hash, proposal?.args_hash ?? null, proposal?.call_seq ?? null);
    }
  }

  /** `spec` is what the engine would give the attempt now. */
  async execute(
    spec: AttemptSpec & Pick<ReplaySpec, "otherBuild">,
    executor: ReplayExecutor,
    signal: AbortSignal,
  ): Promise<void> {
    this.#agree("inputs", this.record.started.meta.inputs_hash, inputsHash(spec.inputs, spec.with));
    const finished = this.record.finished?.meta ?? null;
    const stopped = finished !== null && endedFromOutside(finished);
    if (spec.otherBuild && stopped) return; // where another build would have been by then, nobody knows
    const { end, divergence } = await executor.replay({ ...spec, stopAtFuel: stopped ? finished.fuel : null }, signal);
    if (divergence) this.#diverge("request", divergence.expected, divergence.got, divergence.call);
    if (!finished) return;
    if (spec.otherBuild) return this.#compareResult(finished, end);
    if (stopped) this.#compareStopped(finished, end);
    else this.#compare(finished, end);
    const hashes = this.#journalHashes(spec, finished);
    // Stopped from outside while it was executed again after a crash, it may not have come to all the calls of its first time.
    if (!stopped || !hashes.includes(finished.journal_hash)) this.#agree("journal", finished.journal_hash, hashes.at(-1) ?? null);
  }

  /** It may have got as far as the record says, or further: what it cannot have done is to end before. */
  #compareStopped(finished: Finished, end: ReplayedEnd): void {
    if (end.status !== "stopped" && end.fuel < finished.fuel) this.#diverge("fuel", finished.fuel, end.fuel);
  }

  #compare(finished: Finished, end: ReplayedEnd): void {
    this.#compareResult(finished, end);
    if (end.status === "stopped") return;
    this.#agree("local", finished.local_hash, end.localHash);
    this.#agree("fuel", finished.fuel, end.fuel);
    this.#agree("journal", finished.journal_hash, end.journalHash);
  }

  #compareResult(finished: Finished, end: ReplayedEnd): void {
    if (end.status === "stopped") this.#diverge("end", describeEnd(finished), "stopped");
    if (end.status === "error" && finished.error)
      this.#agree("failure", { ...comparableFailure(finished.error) }, { ...comparableFailure(end.failure) });
    this.#agree("end", describeEnd(finished), end.status);
    if (end.status === "ok") this.#compareOutputs(this.#outputs(finished), end.outputs);
    this.#agree("state", loadStore(finished.state ?? null, this.load), end.state);
  }

  #compareOutputs(expected: readonly Message[], got: readonly Message[]): void {
    for (let i = 0; i < Math.max(expected.length, got.length); i++) {
      this.#agree("outputs", triple(expected[i]), triple(got[i]));
      this.#agree("labels", [...(expected[i]?.labels ?? [])], [...(got[i]?.labels ?? [])]);
    }
  }

  /**
   * After no call, after the first, …, after all of them. From the record alone, so that a call's fuel or an end that was forged is
   * found even where the end is not executed again.
   */
  #journalHashes({ inputsHash, seed }: AttemptSpec, finished: Finished): readonly Digest[] {
    const hasher = new JournalHasher({ inputsHash, seed });
    const finish = { localHash: finished.local_hash, fuel: finished.fuel, end: hashedEnd(finished) };
    const hashes = [hasher.finish(finish)];
    for (const { meta } of this.record.recorded.calls) {
      hasher.call({
        seq: meta.call_seq,
        interface: meta.interface,
        function: meta.function,
        requestHash: meta.request_hash,
        responseHash: meta.response_hash,
        fuel: meta.fuel,
      });
      hashes.push(hasher.finish(finish));
    }
    return hashes;
  }

  #outputs(finished: Finished): readonly Message[] {
    return finished.outputs.map(({ port, type, labels, body }) => ({ port, type, labels, body: this.#load(body) }));
  }

  #load(stored: Parameters<Load>[0], call: number | null = null): Json {
    let value: Json;
    try {
      value = this.load(stored);
    } catch (error) {
      const got = error instanceof Error ? error.message : String(error);
      return this.#diverge("value", "blob" in stored ? stored.blob : "an inline value", got, call);
    }
    if ("blob" in stored) this.#agree("value", stored.blob, jsonDigest(value), call);
    return value;
  }

  #agree(what: Disagreement, expected: Json, got: Json, call: number | null = null): void {
    if (expected !== got && canonicalJson(expected) !== canonicalJson(got)) this.#diverge(what, expected, got, call);
  }

  #diverge(what: Disagreement, expected: Json, got: Json, call: number | null = null): never {
    const { node, attempt } = this.record;
    throw new Diverged({ node, attempt, call, what, expected, got });
  }
}

function endedFromOutside({ status, error, fuel }: Finished): boolean {
  if (status === "cancelled" || (error !== undefined && OUTSIDE.has(error.code))) return true;
  // It never began: others had spent what the budget held.
  return error?.code === ("host.budget-exhausted" satisfies HostFailureCode) && fuel === 0;
}

function hashedEnd({ status, outputs_hash: outputsHash, error }: Finished): HashedEnd {
  if (status === "ok" && outputsHash !== null) return { status, outputsHash };
  const nothing: Failure = { code: "", message: "", retryable: false };
  return status === "cancelled" ? { status } : { status: "error", failure: error ?? nothing };
}

function identity(call: RunEventOf<"call.started">["meta"] | RunEventOf<"call.finished">["meta"]): Json {
  return [call.interface, call.function, call.request_hash];
}

const describeEnd = ({ status }: Finished): string => status;

function triple(message: Message | undefined): Json {
  return message ? [message.port, message.type, message.body] : null;
}
