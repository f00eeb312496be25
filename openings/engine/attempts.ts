/** The attempts that an executor holds right now. Each one's end is delivered once, whatever the executor does. */
import type { GraphNode } from "./graph.js";
import type { Mailbox } from "./mailbox.js";
import type { AttemptEnd, AttemptSpec, Executor } from "./world.js";

/** Why attempts are stopped; `signal.reason` of the signal that the executor gets. */
export class Stop extends Error {
  constructor(readonly why: "cancelled" | "interrupted" | "timed out" | "host failure") {
    super(`the run was stopped: ${why}`);
    this.name = "Stop";
  }
}

export interface Live {
  readonly node: GraphNode;
  readonly spec: AttemptSpec;
  readonly startedMs: number;
}

export type Arrival = { readonly live: Live } & ({ readonly end: AttemptEnd } | { readonly error: unknown });

export class Attempts {
  readonly #live = new Map<Live, { readonly controller: AbortController; readonly settled: Promise<void> }>();

  constructor(
    private readonly executor: Executor,
    private readonly mailbox: Mailbox<Arrival>,
  ) {}

  get size(): number {
    return this.#live.size;
  }

  start(live: Live): void {
    const controller = new AbortController();
    const settled = this.#execute(live.spec, controller.signal).then(
      (end) => this.mailbox.put({ live, end }),
      (error: unknown) => this.mailbox.put({ live, error }),
    );
    this.#live.set(live, { controller, settled });
  }

  /** The end has been read. */
  done(live: Live): void {
    this.#live.delete(live);
  }

  stop(stop: Stop): void {
    for (const { controller } of this.#live.values()) controller.abort(stop);
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#live.values()].map(({ settled }) => settled));
  }

  /** Begins after the caller has come to its end: by then what allowed the attempt has been handed to the journal. */
  async #execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd> {
    await Promise.resolve();
    return this.executor.execute(spec, signal);
  }
}
