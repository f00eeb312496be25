/** Which of an opening's precautions its simulated runs have put to use, and which never. */
import type { RunEvent } from "#core/events.js";
import { invocationOf, type Graph } from "../engine/graph.js";
import type { Opening } from "../ir.js";

export type Precaution = "node" | "guard" | "retry" | "recovery" | "time-out" | "budget" | "for_each" | "proposal" | "success";

/** `outcomes`: how often each way that it can go was gone; a zero is a way that was never tried. */
export interface Covered {
  readonly what: Precaution;
  /** With the nodes around it: `greet/hello`. */
  readonly name: string;
  readonly outcomes: Readonly<Record<string, number>>;
}

export class Coverage {
  readonly #rows = new Map<string, { what: Precaution; name: string; outcomes: Record<string, number> }>();

  /** What there is to be exercised in an opening and in those inside of it. */
  constructor(opening: Opening, around = "") {
    this.#declare(opening, around);
  }

  #declare(opening: Opening, around: string): void {
    const { policy } = opening;
    for (const node of opening.nodes) {
      const name = `${around}${node.id}`;
      this.#row("node", name, { ok: 0, failed: 0, skipped: 0 });
      if (node.retry.max_attempts > 1) this.#row("retry", name, { helped: 0, "did not help": 0 });
      if (node.on_error !== undefined) this.#row("recovery", `${name} by ${node.on_error}`, { recovered: 0, "not needed": 0 });
      if (node.timeout_ms !== null) this.#row("time-out", name, { passed: 0 });
      if (node.for_each !== undefined) this.#row("for_each", name, { "no element": 0, "one element": 0, "many elements": 0 });
      if (node.budget_tokens !== null || node.budget_microusd !== undefined || node.budget_fuel !== undefined)
        this.#row("budget", name, { exhausted: 0 });
      if (node.opening) this.#declare(node.opening, `${name}/`);
    }
    for (const { from, to, guard } of opening.edges)
      if (guard) {
        const test = `${from.node}.${from.port}${guard.op}${JSON.stringify(guard.literal)}`;
        this.#row("guard", `${around}${test} -> ${to.node}.${to.port}`, { held: 0, "did not hold": 0 });
      }
    if (policy.timeout_ms !== null) this.#row("time-out", `${around}policy`, { passed: 0 });
    if (policy.budget_tokens !== null || policy.budget_microusd !== undefined || policy.budget_fuel !== undefined)
      this.#row("budget", `${around}policy`, { exhausted: 0 });
    if (opening.success) this.#row("success", `${around}success`, { held: 0, "did not hold": 0 });
  }

  #row(what: Precaution, name: string, outcomes: Record<string, number>): void {
    this.#rows.set(`${what} ${name}`, { what, name, outcomes });
  }

  #count(what: Precaution, name: string, outcome: string): void {
    const row = this.#rows.get(`${what} ${name}`);
    if (row) row.outcomes[outcome] = (row.outcomes[outcome] ?? 0) + 1;
  }

  /** Adds what one log of a run shows. */
  add({ opening }: Graph, around: string, events: readonly RunEvent[]): void {
    const attempts = new Map<string, number>();
    const own = (id: string): string => `${around}${invocationOf(id)?.node ?? id}`;
    const spec = (id: string) => opening.nodes.find((node) => node.id === (invocationOf(id)?.node ?? id));
    for (const event of events) {
      const { kind, meta } = event;
      switch (kind) {
        case "node.retrying":
          attempts.set(meta.node, meta.attempt);
          continue;
        case "node.finished": {
          const helped = meta.status === "ok";
          const last = helped || !meta.error?.retryable || meta.attempt >= (spec(meta.node)?.retry.max_attempts ?? 1);
          if (attempts.has(meta.node) && last) this.#count("retry", own(meta.node), helped ? "helped" : "did not help");
          if (meta.error?.code === "host.timeout") this.#count("time-out", own(meta.node), "passed");
          if (last && invocationOf(meta.node) === null) this.#ended(own(meta.node), meta.status);
          continue;
        }
        case "node.expanded": {
          const many = meta.items === 0 ? "no element" : meta.items === 1 ? "one element" : "many elements";
          this.#count("for_each", own(meta.node), many);
          continue;
        }
        case "node.collected":
          this.#ended(own(meta.node), meta.status);
          continue;
        case "node.skipped":
          this.#count("node", own(meta.node), "skipped");
          continue;
        case "edge.delivered":
        case "edge.withheld": {
          const held = kind === "edge.delivered";
          this.#count("guard", `${around}${meta.from} -> ${meta.to}`, held ? "held" : "did not hold");
          const failed = meta.from.endsWith(".error!") ? meta.from.slice(0, -".error!".length) : null;
          if (failed !== null)
            this.#count("recovery", `${around}${failed} by ${meta.to.split(".")[0]}`, held ? "recovered" : "not needed");
          continue;
        }
        case "action.decided":
          if (!this.#rows.has(`proposal ${around}`)) this.#row("proposal", around, { approved: 0, rejected: 0 });
          this.#count("proposal", around, meta.decision);
          continue;
        case "budget.exhausted": {
          const node = /^node:([^/[]*)/.exec(meta.scope)?.[1] ?? "";
          this.#count("budget", `${around}${node}`, "exhausted");
          this.#count("budget", `${around}policy`, "exhausted");
          continue;
        }
        case "run.cancelled":
          if (meta.by === "policy.timeout_ms") this.#count("time-out", `${around}policy`, "passed");
          continue;
        case "run.finished":
          this.#count("success", `${around}success`, meta.success ? "held" : "did not hold");
      }
    }
  }

  #ended(name: string, status: string): void {
    this.#count("node", name, status === "ok" ? "ok" : "failed");
  }

  rows(): readonly Covered[] {
    return [...this.#rows.values()].map((row) => ({ ...row, name: row.name === "" ? "the opening" : row.name }));
  }
}

/** The ways that were never gone, as one line each. */
export function never(
  rows: readonly Covered[],
): readonly { readonly what: Precaution; readonly name: string; readonly outcome: string }[] {
  return rows.flatMap(({ what, name, outcomes }) =>
    Object.entries(outcomes).flatMap(([outcome, times]) => (times === 0 ? [{ what, name, outcome }] : [])),
  );
}
