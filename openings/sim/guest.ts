/** What an agent of the simulated world can do. It lives by the rules of real ones: calls that are on record are not made again. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEventDraft } from "#core/events.js";
import { proposalId, type TraceId } from "#core/ids.js";
import { jsonDigest, type Json, type JsonObject } from "#core/json.js";
import type { Failure, Message } from "#core/values.js";
import { budgetScope, unit } from "../engine/spending.js";
import type { AttemptSpec, Clock, Journal } from "../engine/world.js";
import { JournalHasher, requestHash, responseHash, type HashedEnd } from "../journal/hash.js";
import type { SimBudgets } from "./budgets.js";

export type Agent = (guest: Guest) => Promise<GuestEnd> | GuestEnd;
export type GuestEnd =
  | { readonly ok: readonly Message[]; readonly state?: JsonObject }
  | { readonly error: Failure; readonly state?: JsonObject };

/** What a world outside does, by idempotency key. */
export type Effects = Map<string, number>;
export type Decision = "approved" | "rejected";
/** null: nobody is there to ask. `path`: of the node, with those around its run: `greet/send`, of an invocation `greet/send[2]`. */
export type Decider = (path: string, spec: AttemptSpec) => Decision | null;

/** The attempt waits for a decision, and its process holds it no longer. */
export class Parked extends Error {
  constructor(readonly proposal: ReturnType<typeof proposalId>) {
    super("parked");
  }
}

/** The time or the fuel of the attempt is used up. */
export class Exhausted extends Error {
  constructor(readonly what: "time" | "fuel") {
    super(`the attempt has used up its ${what}`);
  }
}

/** The guest did not do what is on record. */
export class Mismatch extends Error {
  constructor(
    readonly call: number,
    readonly expected: Json,
    readonly got: Json,
  ) {
    super(`call ${call} differs from the recorded one`);
  }
}

/** A re-execution has come to the end of what it may do. */
export class Stopped extends Error {}

export interface GuestWorld {
  /** The run that the attempt belongs to. */
  readonly trace: TraceId;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly effects: Effects;
  readonly decide: Decider;
  /** How long a host call, or a stretch of work, takes. */
  readonly latency: () => number;
  readonly budgets?: SimBudgets | undefined;
  /** Executed from the record alone, up to this fuel. */
  readonly replay?: { readonly stopAtFuel: number | null };
}

/** A call that costs tokens, and perhaps money: reserved at the worst case, settled at what was used. */
export interface Spends {
  readonly worst: number;
  readonly used: number;
  /** In millionths of a dollar. */
  readonly microusd?: { readonly worst: number; readonly used: number };
}

export interface CallOptions {
  /** It leaves a mark in the world, which a durable event must allow first. */
  readonly effect?: boolean;
  readonly spends?: Spends;
  /** Default: an answer that follows from the request. */
  readonly answer?: Json;
}

const INTERFACE = "runloop:agent/test";

export class Guest {
  fuel = 0;
  calls = 0;
  readonly #hasher: JournalHasher;
  #logs = 0;
  #leftMs: number;

  constructor(
    readonly spec: AttemptSpec,
    readonly signal: AbortSignal,
    private readonly world: GuestWorld,
    private readonly fuelLimit = Infinity,
  ) {
    this.#hasher = new JournalHasher({ inputsHash: spec.inputsHash, seed: spec.seed });
    this.#leftMs = spec.timeoutMs ?? Infinity;
  }

  input(port: string): readonly Json[] {
    return this.spec.inputs.filter((message) => message.port === port).map(({ body }) => body);
  }

  async work(ms = this.world.latency()): Promise<void> {
    this.burn(7);
    await this.#pass(ms);
  }

  /** Uses up instructions. */
  burn(fuel: number): void {
    this.fuel += fuel;
    const stop = this.world.replay?.stopAtFuel ?? null;
    if (stop !== null && this.fuel >= stop) throw new Stopped();
    if (this.fuel > this.fuelLimit) {
      this.fuel = this.fuelLimit;
      throw new Exhausted("fuel");
    }
  }

  /** Time of the attempt; it ends where that is used up. */
  async #pass(ms: number): Promise<void> {
    const { clock } = this.world;
    if (ms >= this.#leftMs) {
      await clock.sleep(this.#leftMs, this.signal);
      throw new Exhausted("time");
    }
    this.#leftMs -= ms;
    await clock.sleep(ms, this.signal);
  }

  log(message: string): void {
    const { node, attempt, recorded } = this.spec;
    if (++this.#logs <= recorded.logs) return;
    this.#later([{ kind: "log", level: "info", message, meta: { node, attempt, fields: {} } }]);
  }

  /** A host call. Answers `{"ok": …}` or `{"err": …}`. */
  async call(name: string, args: readonly Json[], options: boolean | CallOptions = false): Promise<Json> {
    const { node, attempt, recorded } = this.spec;
    const seq = this.calls++;
    this.burn(100);
    const request = requestHash(INTERFACE, name, args);
    const place = { node, attempt, call_seq: seq, interface: INTERFACE, function: name, request_hash: request };
    const before = recorded.calls.find(({ meta }) => meta.call_seq === seq);
    let response: Json;
    if (before) {
      if (before.meta.request_hash !== request) throw new Mismatch(seq, before.meta.request_hash, request);
      response = this.world.journal.load(before.meta.response);
    } else {
      if (this.world.replay) throw new Stopped();
      const given = typeof options === "boolean" ? { effect: options } : options;
      const made = await this.#make(place, given);
      response = made.response;
      const answer = { response: this.world.journal.store(response), response_hash: responseHash(response) };
      const meta = { ...place, ...answer, labels: [], fuel: this.fuel, duration_ms: 1, decision: "allowed" as const };
      this.#later([...made.events, { kind: "call.finished", level: "info", message: "called", meta }]);
    }
    this.#hasher.call({
      seq,
      interface: INTERFACE,
      function: name,
      requestHash: request,
      responseHash: responseHash(response),
      fuel: this.fuel,
    });
    return response;
  }

  async #make(
    place: { readonly call_seq: number; readonly request_hash: Digest } & Omit<CallMeta, "idempotency_key">,
    { effect = false, spends, answer }: CallOptions,
  ): Promise<{ readonly response: Json; readonly events: readonly RunEventDraft[] }> {
    const { node, attempt, recorded } = this.spec;
    const { journal, budgets, effects, trace } = this.world;
    const bill = billOf(spends);
    const claims = bill.map(({ unit: of, worst }) => ({ unit: of, amount: worst }));
    const reserved = spends && budgets ? await budgets.reserve(node, claims, journal, this.signal) : null;
    if (reserved && "short" in reserved) return { response: { err: { code: "budget-exhausted" } }, events: [] };
    if (effect) {
      const begun = recorded.unfinished.find(({ meta }) => meta.call_seq === place.call_seq);
      const key = begun?.meta.idempotency_key ?? `${trace} ${node}/${attempt}/${place.call_seq}`;
      const meta = { ...place, idempotency_key: key };
      if (!begun) await journal.append([{ kind: "call.started", level: "info", message: "call", meta }]);
      effects.set(key, (effects.get(key) ?? 0) + 1);
    }
    const response = answer ?? { ok: blake3(place.request_hash).slice(0, 16) };
    try {
      await this.#pass(this.world.latency());
    } catch (error) {
      // A call that was cut off may have been answered all the same: it counts in full.
      if (reserved) await journal.append(bill.flatMap(({ unit: of, worst }) => reserved.settle(of, worst)));
      throw error;
    }
    if (reserved) return { response, events: bill.flatMap(({ unit: of, used }) => reserved.settle(of, used)) };
    const charge = { scope: budgetScope(node), unit: unit.tokens, amount: spends?.used ?? 5, left: 0 };
    return { response, events: [{ kind: "budget.charged", level: "info", message: "charged", meta: charge }] };
  }

  /** Proposes an action and waits for the decision. Throws where nobody is there to ask. */
  async propose(args: JsonObject, expiryMs: number | null = null): Promise<Decision> {
    const { node, attempt, recorded } = this.spec;
    const { trace, clock, journal, decide } = this.world;
    const proposal = proposalId(jsonDigest([trace, node, attempt, args]));
    const hash = jsonDigest(args);
    const before = recorded.proposals.find(({ meta }) => meta.proposal_id === proposal);
    const expires = before ? before.meta.expires_at_ms : expiryMs === null ? null : clock.now() + expiryMs;
    if (!before) {
      const shown = { summary: { value: "do it" }, args: { value: args }, expires_at_ms: expires };
      const meta = { proposal_id: proposal, node, attempt, call_seq: this.calls, action: "test.do", args_hash: hash, ...shown };
      this.#later([{ kind: "action.proposed", level: "info", message: "proposed", meta }]);
    }
    const decided = recorded.decisions.find(({ meta }) => meta.proposal_id === proposal);
    if (decided) return decided.meta.decision;
    if (this.world.replay) throw new Stopped();
    this.#later([{ kind: "node.waiting", level: "info", message: "waits", meta: { node, proposal_id: proposal } }]);
    // A person's time is not the attempt's.
    await clock.sleep(this.world.latency(), this.signal);
    const lapsed = expires !== null && clock.now() >= expires;
    const decision = lapsed ? "rejected" : decide(node, this.spec);
    if (decision === null) throw new Parked(proposal);
    const meta = { proposal_id: proposal, args_hash: hash, decision, by: lapsed ? "host" : "user" };
    await journal.append([{ kind: "action.decided", level: "info", message: decision, meta }]);
    return decision;
  }

  finish(end: HashedEnd): { journalHash: Digest; localHash: Digest } {
    const localHash = blake3(`local ${this.spec.node} ${this.fuel}`);
    return { localHash, journalHash: this.#hasher.finish({ localHash, fuel: this.fuel, end }) };
  }

  /** A guest does not wait for the disk. A journal that has died is noticed by the engine. */
  #later(drafts: readonly RunEventDraft[]): void {
    this.world.journal.append(drafts).catch(() => undefined);
  }
}

function billOf(spends: Spends | undefined) {
  const { worst = 0, used = 0, microusd } = spends ?? {};
  return [{ unit: unit.tokens, worst, used }, ...(microusd ? [{ unit: unit.microusd, ...microusd }] : [])];
}

type CallMeta = Extract<RunEventDraft, { kind: "call.started" }>["meta"];
