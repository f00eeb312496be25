/**
 * What must hold for the events of any run, however often its process died. Written against the events alone, without the engine's
 * own state, so that it can be wrong about them only in ways of its own.
 */
import type { RunEvent } from "#core/events.js";
import { invocationOf, type Graph, type GraphNode } from "../engine/graph.js";
import { budgetsOf } from "../engine/select.js";
import { nodeOfScope, unit } from "../engine/spending.js";

/** One sentence for each thing that is broken; none where all is well. `ended`: the run must have come to its end. */
export function brokenIn(graph: Graph, events: readonly RunEvent[], ended = true): readonly string[] {
  const inspector = new Inspector(graph);
  events.forEach((event, index) => {
    inspector.check(event.seq === index, `seq ${event.seq} stands in place ${index}`);
    inspector.take(event);
  });
  if (ended) inspector.end(events.at(-1));
  return inspector.broken;
}

interface Invocations {
  readonly items: number;
  /** Elements whose first attempt has started, and those that have not ended. */
  begun: number;
  readonly running: Set<string>;
}

interface Money {
  spent: number;
  /** By scope: what is reserved and not settled. */
  readonly reserved: Map<string, number>;
}

class Inspector {
  readonly broken: string[] = [];
  readonly #times = new Map<string, number>();
  /** Nodes, and invocations, that have ended or will not run. */
  readonly #ended = new Set<string>();
  /** How many edges of a node have not been resolved; and which. */
  readonly #open: ReadonlyMap<string, Set<number>>;
  readonly #expanded = new Map<string, Invocations>();
  /** By `unit` and `unit node`. */
  readonly #accounts = new Map<string, Money>();
  #state: "new" | "runs" | "parked" | "cancelled" | "finished" = "new";
  #fuel = 0;
  #calls = 0;
  /** Whose attempt is another run's: what it took was spent there. */
  readonly #reused = new Set<string>();

  constructor(private readonly graph: Graph) {
    this.#open = new Map(graph.nodes.map(({ id, inbound }) => [id, new Set(inbound.map(({ index }) => index))]));
  }

  check(holds: boolean, what: string): void {
    if (!holds) this.broken.push(what);
  }

  #once(what: string): void {
    const times = (this.#times.get(what) ?? 0) + 1;
    this.#times.set(what, times);
    this.check(times === 1, `${what} happens ${times} times`);
  }

  take(event: RunEvent): void {
    const { kind, meta } = event;
    const moves = kind.startsWith("node.") || kind.startsWith("edge.") || kind.startsWith("run.");
    if (moves && kind !== "node.stdout" && kind !== "node.stderr") {
      this.check(this.#state !== "finished", `${kind} after the end of the run`);
      this.check(this.#state !== "new" || kind === "run.started", `${kind} before the beginning of the run`);
      this.check(this.#state !== "parked" || kind === "run.resumed", `${kind} while the run is parked`);
    }
    switch (kind) {
      case "run.started":
        this.#once(kind);
        this.#state = "runs";
        return;
      case "run.parked":
        this.#state = "parked";
        return;
      case "run.resumed":
        if (this.#state === "parked") this.#state = this.#times.has("run.cancelled") ? "cancelled" : "runs";
        return;
      case "run.cancelled":
        this.#once(kind);
        this.#state = "cancelled";
        return;
      case "run.finished":
        this.#once(kind);
        this.#state = "finished";
        for (const row of meta.nodes)
          this.check(
            row.status === "cancelled" || this.#ended.has(row.node),
            `${row.node} has not ended, and is said to be ${row.status}`,
          );
        this.check(
          meta.totals.fuel === this.#fuel,
          `totals say ${meta.totals.fuel} fuel, the ends of the attempts ${this.#fuel}`,
        );
        this.check(meta.totals.calls === this.#calls, `totals say ${meta.totals.calls} calls, there are ${this.#calls}`);
        this.check(
          meta.totals.tokens === this.#spent(unit.tokens),
          `totals say ${meta.totals.tokens} tokens, the charges ${this.#spent(unit.tokens)}`,
        );
        return;
      case "node.started":
        if (meta.reused_from !== undefined) this.#reused.add(meta.node);
        return this.#started(meta.node, meta.attempt);
      case "node.expanded":
        this.#mayBegin(kind, meta.node);
        this.#once(`${kind} ${meta.node}`);
        this.#expanded.set(meta.node, { items: meta.items, begun: 0, running: new Set() });
        return;
      case "node.collected":
        return this.#collected(meta.node, meta.items);
      case "node.finished":
        this.check(
          this.#times.has(`node.started ${meta.node} ${meta.attempt}`),
          `attempt ${meta.attempt} of ${meta.node} ends and never began`,
        );
        this.#once(`${kind} ${meta.node} ${meta.attempt}`);
        this.#ended.add(meta.node);
        this.#invocations(meta.node)?.running.delete(meta.node);
        if (this.#reused.has(meta.node)) return;
        this.#fuel += meta.fuel;
        this.#calls += meta.calls ?? 0;
        return;
      case "node.retrying":
        this.check(this.#state === "runs", `${kind} of ${meta.node} after run.cancelled`);
        this.check(this.#ended.delete(meta.node), `${meta.node} is tried again while it runs`);
        this.check(meta.reason.retryable, `${meta.node} is tried again after a failure that no attempt can help`);
        this.#invocations(meta.node)?.running.add(meta.node);
        this.#once(`${kind} ${meta.node} ${meta.attempt}`);
        return;
      case "node.skipped":
        this.#mayBegin(kind, meta.node);
        this.check(!this.#times.has(`node.started ${meta.node} 1`), `${meta.node} is skipped and has run`);
        this.#once(`${kind} ${meta.node}`);
        this.#ended.add(meta.node);
        return;
      case "edge.delivered":
      case "edge.withheld":
        return this.#resolved(kind, meta.from, meta.to);
      case "call.finished":
        if (!this.#reused.has(meta.node)) this.#calls++;
        this.#once(`${kind} ${meta.node} ${meta.attempt} ${meta.call_seq}`);
        this.check(!this.#times.has(`node.finished ${meta.node} ${meta.attempt}`), `${meta.node} makes a call after its end`);
        return;
      case "call.started":
        return this.#once(`${kind} ${meta.node} ${meta.attempt} ${meta.call_seq}`);
      case "action.proposed":
        return this.#once(`${kind} ${meta.proposal_id}`);
      case "action.decided":
        this.check(
          this.#times.has(`action.proposed ${meta.proposal_id}`),
          `${meta.proposal_id} is decided and was never proposed`,
        );
        return this.#once(`${kind} ${meta.proposal_id}`);
      case "artifact.created":
        return this.#once(`${kind} ${meta.node} ${meta.port} ${meta.digest}`);
      case "budget.reserved":
      case "budget.charged":
        return this.#budget(kind, meta);
    }
  }

  #mayBegin(kind: string, id: string): void {
    this.check(this.#state === "runs", `${kind} of ${id} after run.cancelled`);
    this.check(this.#open.get(id)?.size === 0, `${kind} of ${id}, whose inputs are open`);
    this.check(!this.#ended.has(id), `${kind} of ${id} after its end`);
  }

  #invocations(id: string): Invocations | undefined {
    const its = invocationOf(id);
    return its ? this.#expanded.get(its.node) : undefined;
  }

  #started(id: string, attempt: number): void {
    const its = invocationOf(id);
    const whole = its ? this.#expanded.get(its.node) : undefined;
    this.#once(`node.started ${id} ${attempt}`);
    this.check(
      attempt === 1 || this.#times.has(`node.retrying ${id} ${attempt - 1}`),
      `attempt ${attempt} of ${id} was not announced`,
    );
    if (!its) return this.#mayBegin("node.started", id);
    this.check(this.#state === "runs", `node.started of ${id} after run.cancelled`);
    this.check(!this.#ended.has(id), `node.started of ${id} after its end`);
    if (!whole) return this.check(false, `${id} starts, and ${its.node} has not been expanded`);
    this.check(its.item < whole.items, `${id} starts, and there are ${whole.items} elements`);
    if (attempt === 1) this.check(its.item === whole.begun++, `${id} starts out of the order of the elements`);
    whole.running.add(id);
    const most = this.graph.find(its.node)?.spec.max_parallel ?? Infinity;
    this.check(whole.running.size <= most, `${whole.running.size} invocations of ${its.node} at once; at most ${most} may be`);
  }

  #collected(id: string, items: number): void {
    this.check(this.#state === "runs", `node.collected of ${id} after run.cancelled`);
    this.#once(`node.collected ${id}`);
    for (let item = 0; item < items; item++)
      this.check(this.#ended.has(`${id}[${item}]`), `${id} is collected before ${id}[${item}] has ended`);
    this.#ended.add(id);
  }

  #resolved(kind: string, from: string, to: string): void {
    this.check(this.#state === "runs", `${kind} after run.cancelled`);
    const named = this.graph.named(from, to);
    const edge = named.find(({ index, target }) => this.#open.get(target.id)?.has(index));
    // A port may hold several messages: all but the first cross an edge that is resolved.
    if (kind === "edge.withheld" || named.length === 0) this.check(edge !== undefined, `${from} -> ${to} was resolved before`);
    if (!edge) return;
    this.check(this.#hasEnded(edge.source), `${from} crosses before its source has ended`);
    this.#open.get(edge.target.id)?.delete(edge.index);
  }

  #hasEnded(node: GraphNode): boolean {
    return node === this.graph.inputs || this.#ended.has(node.id);
  }

  #budget(
    kind: string,
    { scope, unit: of, amount }: { readonly scope: string; readonly unit: string; readonly amount: number },
  ): void {
    const node = nodeOfScope(scope);
    for (const name of [of, `${of} ${node}`]) {
      let account = this.#accounts.get(name);
      if (!account) this.#accounts.set(name, (account = { spent: 0, reserved: new Map() }));
      if (kind === "budget.reserved") {
        this.check(!account.reserved.has(scope), `${scope} reserves ${of} twice`);
        account.reserved.set(scope, amount);
      } else {
        const reserved = account.reserved.get(scope);
        this.check(reserved === undefined || amount <= reserved, `${scope} used ${amount} ${of} of ${reserved} reserved`);
        account.reserved.delete(scope);
        account.spent += amount;
      }
      this.#within(name, of, node, account);
    }
  }

  #within(name: string, of: string, node: string, { spent, reserved }: Money): void {
    const key = (Object.keys(unit) as (keyof typeof unit)[]).find((each) => unit[each] === of);
    if (!key) return;
    const { whole, own } = budgetsOf(this.graph.opening, key, this.graph.find(node)?.spec);
    const budget = name === of ? whole : own;
    if (budget === null) return;
    const used = [...reserved.values()].reduce((sum, each) => sum + each, spent);
    this.check(used <= budget, `${used} ${of} used and reserved of ${budget}${name === of ? "" : ` (${node})`}`);
  }

  #spent(of: string): number {
    return this.#accounts.get(of)?.spent ?? 0;
  }

  end(last: RunEvent | undefined): void {
    this.check(this.#state === "finished", `the run has not ended; its last event is ${last?.kind}`);
    for (const [name, { reserved }] of this.#accounts) this.check(reserved.size === 0, `${name}: reserved and never settled`);
    if (this.#times.has("run.cancelled")) return;
    for (const { id } of this.graph.nodes) this.check(this.#ended.has(id), `${id} has not ended`);
    for (const [id, edges] of this.#open) this.check(edges.size === 0, `${id} has ${edges.size} open edges`);
  }
}
