/** Agents of the simulated world: functions that live by the same rules as real ones (recorded calls are not made again). */
import type { Digest } from "#core/digest.js";
import { blake3 } from "#core/digest.js";
import { proposalId } from "#core/ids.js";
import { jsonDigest, type Json, type JsonObject } from "#core/json.js";
import { hostFailure, type Failure, type Message } from "#core/values.js";
import { budgetScope, unit } from "#openings/engine/spending.js";
import type { AttemptEnd, AttemptSpec, Clock, Executor, Journal } from "#openings/engine/world.js";
import type { Replayed, ReplayExecutor, ReplaySpec } from "#openings/replay/executor.js";
import { JournalHasher, outputsHash, requestHash, responseHash, type HashedEnd } from "#openings/journal/hash.js";

export type Agent = (guest: Guest) => Promise<GuestEnd> | GuestEnd;
export type GuestEnd =
  | { readonly ok: readonly Message[]; readonly state?: JsonObject }
  | { readonly error: Failure; readonly state?: JsonObject };

/** Outputs by port; an array is one message for each element. */
export function gives(ports: Readonly<Record<string, Json | readonly Json[]>>, state: JsonObject = {}): GuestEnd {
  const ok = Object.entries(ports).flatMap(([port, value]) =>
    (Array.isArray(value) ? (value as Json[]) : [value as Json]).map((body) => ({ port, type: typeOf(body), body, labels: [] })),
  );
  return { ok, state };
}

export function fails(code: string, retryable = false, state: JsonObject = {}): GuestEnd {
  return { error: { code, message: `${code} happened`, retryable }, state };
}

const typeOf = (body: Json): string =>
  typeof body === "boolean" ? "bool.v1" : typeof body === "number" ? "number.v1" : "json.v1";

/** What a world outside does, by idempotency key. */
export type Effects = Map<string, number>;
export type Decider = (node: string) => "approved" | "rejected" | null;

class Parked extends Error {
  constructor(readonly proposal: ReturnType<typeof proposalId>) {
    super("parked");
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
  readonly clock: Clock;
  readonly journal: Journal;
  readonly effects: Effects;
  readonly decide: Decider;
  /** How long a host call, or a stretch of work, takes. */
  readonly latency: () => number;
  /** Executed from the record alone, up to this fuel. */
  readonly replay?: { readonly stopAtFuel: number | null };
}

export class Guest {
  fuel = 0;
  calls = 0;
  readonly #hasher: JournalHasher;
  #logs = 0;

  constructor(
    readonly spec: AttemptSpec,
    readonly signal: AbortSignal,
    private readonly world: GuestWorld,
  ) {
    this.#hasher = new JournalHasher({ inputsHash: spec.inputsHash, seed: spec.seed });
  }

  input(port: string): readonly Json[] {
    return this.spec.inputs.filter((message) => message.port === port).map(({ body }) => body);
  }

  async work(ms = this.world.latency()): Promise<void> {
    this.#burn(7);
    await this.world.clock.sleep(ms, this.signal);
  }

  log(message: string): void {
    const { node, attempt, recorded } = this.spec;
    if (++this.#logs <= recorded.logs) return;
    this.#later([{ kind: "log", level: "info", message, meta: { node, attempt, fields: {} } }]);
  }

  /** A host call; `effect` leaves a mark in the world, which must be allowed by a durable event first. */
  async call(name: string, args: readonly Json[], effect = false): Promise<Json> {
    const { node, attempt, recorded } = this.spec;
    const seq = this.calls++;
    this.#burn(100);
    const request = requestHash("runloop:agent/test", name, args);
    const base = { node, attempt, call_seq: seq, interface: "runloop:agent/test", function: name, request_hash: request };
    const before = recorded.calls.find(({ meta }) => meta.call_seq === seq);
    let response: Json;
    if (before) {
      if (before.meta.request_hash !== request) throw new Mismatch(seq, before.meta.request_hash, request);
      response = this.world.journal.load(before.meta.response);
    } else {
      if (this.world.replay) throw new Stopped();
      if (effect) {
        const begun = recorded.unfinished.find(({ meta }) => meta.call_seq === seq);
        const key = begun?.meta.idempotency_key ?? `${node}/${attempt}/${seq}`;
        const meta = { ...base, idempotency_key: key };
        if (!begun) await this.world.journal.append([{ kind: "call.started", level: "info", message: "call", meta }]);
        this.world.effects.set(key, (this.world.effects.get(key) ?? 0) + 1);
      }
      await this.world.clock.sleep(this.world.latency(), this.signal);
      response = { ok: blake3(request).slice(0, 16) };
      const answer = { response: this.world.journal.store(response), response_hash: responseHash(response) };
      const meta = { ...base, ...answer, labels: [], fuel: this.fuel, duration_ms: 1, decision: "allowed" as const };
      const charge = { scope: budgetScope(node), unit: unit.tokens, amount: 5, left: 0 };
      this.#later([
        { kind: "budget.charged", level: "info", message: "charged", meta: charge },
        { kind: "call.finished", level: "info", message: "called", meta },
      ]);
    }
    this.#hasher.call({
      seq,
      interface: base.interface,
      function: name,
      requestHash: request,
      responseHash: responseHash(response),
      fuel: this.fuel,
    });
    return response;
  }

  /** Proposes an action and waits for the decision. Throws where nobody is there to ask. */
  async propose(args: JsonObject): Promise<"approved" | "rejected"> {
    const { node, attempt, recorded } = this.spec;
    const proposal = proposalId(jsonDigest([node, attempt, args]));
    const hash = jsonDigest(args);
    if (!recorded.proposals.some(({ meta }) => meta.proposal_id === proposal)) {
      const shown = { summary: { value: "do it" }, args: { value: args }, expires_at_ms: null };
      const meta = { proposal_id: proposal, node, attempt, call_seq: this.calls, action: "test.do", args_hash: hash, ...shown };
      this.#later([{ kind: "action.proposed", level: "info", message: "proposed", meta }]);
    }
    const decided = recorded.decisions.find(({ meta }) => meta.proposal_id === proposal);
    if (decided) return decided.meta.decision;
    if (this.world.replay) throw new Stopped();
    this.#later([{ kind: "node.waiting", level: "info", message: "waits", meta: { node, proposal_id: proposal } }]);
    await this.world.clock.sleep(this.world.latency(), this.signal);
    const decision = this.world.decide(node);
    if (decision === null) throw new Parked(proposal);
    const meta = { proposal_id: proposal, args_hash: hash, decision, by: "user" };
    await this.world.journal.append([{ kind: "action.decided", level: "info", message: decision, meta }]);
    return decision;
  }

  #burn(fuel: number): void {
    this.fuel += fuel;
    const stop = this.world.replay?.stopAtFuel ?? null;
    if (stop !== null && this.fuel >= stop) throw new Stopped();
  }

  finish(end: HashedEnd): { journalHash: Digest; localHash: Digest } {
    const localHash = blake3(`local ${this.spec.node} ${this.fuel}`);
    return { localHash, journalHash: this.#hasher.finish({ localHash, fuel: this.fuel, end }) };
  }

  /** A guest does not wait for the disk. A journal that has died is noticed by the engine. */
  #later(drafts: Parameters<Journal["append"]>[0]): void {
    this.world.journal.append(drafts).catch(() => undefined);
  }
}

export class SimExecutor implements Executor {
  /** The most attempts that were ever executed at once, and how many there were. */
  most = 0;
  executed: string[] = [];
  #running = 0;

  constructor(
    private readonly agents: (node: string) => Agent,
    private readonly world: GuestWorld,
  ) {}

  async execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd> {
    this.most = Math.max(this.most, ++this.#running);
    this.executed.push(`${spec.node}#${spec.attempt}`);
    const limit = new AbortController();
    const guest = new Guest(spec, AbortSignal.any([signal, limit.signal]), this.world);
    if (spec.timeoutMs !== null)
      void this.world.clock.sleep(spec.timeoutMs, AbortSignal.any([signal, limit.signal])).then(
        () => limit.abort(new Error("too long")),
        () => undefined,
      );
    try {
      return ended(guest, await this.agents(spec.node)(guest));
    } catch (error) {
      if (error instanceof Parked) return { status: "parked", proposal: error.proposal };
      if (signal.aborted) return { status: "cancelled", state: {}, ...costs(guest), ...guest.finish({ status: "cancelled" }) };
      if (limit.signal.aborted) return ended(guest, { error: hostFailure("host.timeout", "too long") });
      throw error;
    } finally {
      limit.abort();
      this.#running--;
    }
  }
}

function costs(guest: Guest) {
  return { fuel: guest.fuel, peakMemoryBytes: 1024, tokens: 0, usd: 0, calls: guest.calls };
}

function ended(guest: Guest, end: GuestEnd): Exclude<AttemptEnd, { status: "parked" | "cancelled" }> {
  const state = end.state ?? {};
  if ("ok" in end) {
    const hashes = guest.finish({ status: "ok", outputsHash: outputsHash(end.ok) });
    return { status: "ok", outputs: end.ok, state, ...costs(guest), ...hashes };
  }
  const hashes = guest.finish({ status: "error", failure: end.error });
  return { status: "error", failure: end.error, state, ...costs(guest), ...hashes };
}

/** Executes attempts from their records; what they write goes nowhere. */
export class SimReplayer implements ReplayExecutor {
  constructor(
    private readonly agents: (node: string) => Agent,
    private readonly load: Journal["load"],
  ) {}

  async replay(spec: ReplaySpec, signal: AbortSignal): Promise<Replayed> {
    const refuse = (): never => {
      throw new Error("a replay stores nothing");
    };
    const journal: Journal = {
      append: () => Promise.resolve([]),
      store: refuse,
      keep: refuse,
      load: this.load,
    };
    const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() };
    const world = { clock, journal, effects: new Map(), decide: () => null, latency: () => 0, replay: spec };
    const guest = new Guest(spec, signal, world);
    try {
      const end = ended(guest, await this.agents(spec.node)(guest));
      const unmade = spec.recorded.calls[guest.calls];
      if (!unmade) return { end };
      return { end, divergence: { call: unmade.meta.call_seq, expected: unmade.meta.request_hash, got: null } };
    } catch (error) {
      const end = { status: "stopped" as const, fuel: guest.fuel };
      if (error instanceof Stopped) {
        const next = spec.recorded.calls[guest.calls];
        return next && spec.stopAtFuel === null
          ? { end, divergence: { call: guest.calls, expected: next.meta.request_hash, got: null } }
          : { end };
      }
      if (error instanceof Mismatch) return { end, divergence: { call: error.call, expected: error.expected, got: error.got } };
      throw error;
    }
  }
}
