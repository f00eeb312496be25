/** Drives a run: asks `decide`, writes what follows as events, has attempts executed, and waits. */
import type { MetaOf, RunEventDraft, RunStatus } from "#core/events.js";
import type { Digest } from "#core/digest.js";
import type { ProposalId } from "#core/ids.js";
import type { OpenedRun } from "../journal/open.js";
import { takeUp } from "./apply.js";
import { attemptSpec, backoffMs, forgetInvocations, inputsOf, type Load } from "./attempt.js";
import { Attempts, Stop, type Arrival, type Live } from "./attempts.js";
import { decide, nextTimer, type Command } from "./decide.js";
import { EngineError } from "./error.js";
import { artifacts, runFinished } from "./finish.js";
import type { Graph, GraphNode } from "./graph.js";
import { Mailbox } from "./mailbox.js";
import { nodeCollected, nodeExpanded, nodeFinished, nodeRetrying, nodeSkipped, nodeStarted } from "./report.js";
import type { Reuse } from "./reuse.js";
import { activeAt, budgetLeft, FAILED_BY, timeLimit, waitingFor } from "./select.js";
import { settle } from "./settle.js";
import { nodeOfScope, unit } from "./spending.js";
import { newState, nodeState, type RunState } from "./state.js";
import { Stream } from "./stream.js";
import { nothingRecorded, type Clock, type Executor, type Journal, type RecordedAttempt } from "./world.js";

export interface Drive {
  readonly graph: Graph;
  readonly run:
    | { readonly begin: MetaOf<"run.started"> }
    /** `why` and `by` stand in `run.resumed`. */
    | { readonly resume: OpenedRun; readonly why: string; readonly by: string };
  readonly journal: Journal;
  readonly clock: Clock;
  /** Makes the executor. It writes through this journal and no other, so that the run's state holds what it writes (E1). */
  readonly executor: (run: { readonly journal: Journal; readonly state: RunState }) => Executor;
  readonly signals?: {
    /** Final: running attempts are cancelled and the run ends. The reason, where it is text, stands in `run.cancelled`. */
    readonly cancel?: AbortSignal | undefined;
    /** Stops now, so that the run can be resumed: ends of attempts that come after it are not kept. */
    readonly interrupt?: AbortSignal | undefined;
  };
  /** Told the proposal when all that could go on waits for a person, and null when something goes on again. */
  readonly onHeld?: ((proposal: ProposalId | null) => void) | undefined;
  /** How many attempts the host executes at once; the opening may ask for less. */
  readonly maxParallel: number;
  /** In a fork: what another run had come to. */
  readonly reuse?: Reuse | undefined;
}

export interface RunOutcome {
  readonly status: RunStatus | "parked";
  readonly success: boolean;
  readonly reason: string | null;
  /** The whole end; null while the run has not finished. */
  readonly finished: MetaOf<"run.finished"> | null;
  /** null while the run has not finished. */
  readonly finalHash: Digest | null;
  readonly nodes: MetaOf<"run.finished">["nodes"];
  readonly totals: MetaOf<"run.finished">["totals"];
  /** Proposals that a parked run waits for; none when it was interrupted elsewhere. */
  readonly waiting: readonly ProposalId[];
}

/**
 * Runs an opening until it has finished or is parked; every event is durable by then. Rejects when the journal or the executor
 * fails, after all attempts have been stopped: the run can then be resumed from its log.
 */
export async function driveRun(drive: Drive): Promise<RunOutcome> {
  const driver = new Driver(drive);
  try {
    return await driver.run();
  } catch (error) {
    await driver.abandon();
    throw error;
  } finally {
    driver.release();
  }
}

/** How long the engine works before it lets others have the thread, in milliseconds. */
const SLICE_MS = 4;
/** Timers of JavaScript count to 2^31 − 1. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

class Driver {
  readonly #state: RunState;
  readonly #stream: Stream;
  readonly #mailbox = new Mailbox<Arrival>();
  readonly #attempts: Attempts;
  readonly #recorded: OpenedRun["recorded"];
  readonly #maxLive: number;
  readonly #load: Load = (stored) => this.drive.journal.load(stored);
  readonly #released = new AbortController();
  /** Of the present slice, in milliseconds. */
  #worked = 0;
  #timer: { readonly dueMs: number; readonly stop: AbortController } | null = null;

  constructor(private readonly drive: Drive) {
    const { run, graph, journal, clock } = drive;
    this.#state = "resume" in run ? run.resume.state : newState(graph);
    this.#recorded = "resume" in run ? run.resume.recorded : () => nothingRecorded;
    this.#stream = new Stream(this.#state, journal, clock, () => this.#mailbox.knock(), drive.onHeld);
    this.#attempts = new Attempts(drive.executor({ journal: this.#stream.asJournal(), state: this.#state }), this.#mailbox);
    this.#maxLive = Math.max(1, Math.min(drive.maxParallel, graph.opening.policy.max_parallel ?? Infinity));
    const options = { signal: this.#released.signal };
    for (const signal of [drive.signals?.cancel, drive.signals?.interrupt])
      signal?.addEventListener("abort", () => this.#mailbox.knock(), options);
  }

  async run(): Promise<RunOutcome> {
    this.#begin();
    while (!this.#state.finished && !this.#state.parked) {
      const rested = this.#work();
      this.#stream.flush(this.#state.finished || this.#state.parked ? "now" : "soon");
      if (this.#stream.failure) throw this.#stream.failure.error;
      if (this.#interrupted()) await this.#park();
      else if (!rested) await this.#yield();
      else if (!this.#state.finished && !this.#state.parked) {
        this.#setTimer();
        await this.#mailbox.arrival();
      }
    }
    await this.#stream.durable();
    return this.#outcome();
  }

  async #yield(): Promise<void> {
    await this.drive.clock.sleep(0, this.#released.signal);
    this.#worked = 0;
  }

  /** After a failure: nothing runs on, and no promise is left behind. */
  async abandon(): Promise<void> {
    this.#attempts.stop(new Stop("host failure"));
    await this.#attempts.settled();
    await this.#stream.durable().catch(() => undefined);
  }

  release(): void {
    // A reason of its own: without one the platform makes an exception, with its stack.
    this.#released.abort("released");
    this.#timer?.stop.abort();
  }

  #begin(): void {
    const { run } = this.drive;
    if ("begin" in run) {
      const { opening_name: name } = run.begin;
      return this.#write({ kind: "run.started", level: "info", message: `${name} started`, meta: run.begin });
    }
    const state = this.#state;
    if (state.finished) throw new EngineError("ENGINE_FINISHED", "the run has finished; there is nothing to resume");
    // A process that died left no word of when: its time ends with its last event.
    const active = activeAt(state, state.lastMs);
    const meta = { why: run.why, by: run.by, active_ms: active };
    this.#write({ kind: "run.resumed", level: "info", message: `resumed: ${run.why}`, meta });
    this.#settleReservations();
  }

  /**
   * What a dead process had reserved and not settled counts at its worst case. Not so fuel: the attempt is executed again from its
   * journal, uses what it would have used, and settles that.
   */
  #settleReservations(): void {
    for (const { scope, unit: of, amount } of this.#state.spending.open()) {
      if (of === unit.fuel) continue;
      const left = budgetLeft(this.#state, nodeOfScope(scope), of);
      const meta = { scope, unit: of, amount, left };
      const message = `${scope}: ${amount} ${of} charged, reserved when the run was interrupted`;
      this.#write({ kind: "budget.charged", level: "warn", message, meta });
    }
  }

  /**
   * Works until there is nothing to do (true) or the slice is used up (false). A slice goes on behind a wait: where attempts end at once,
   * nobody else has had the thread meanwhile.
   */
  #work(): boolean {
    const start = this.drive.clock.now();
    const until = start + SLICE_MS - this.#worked;
    const rested = this.#workUntil(until);
    this.#worked += this.drive.clock.now() - start;
    return rested;
  }

  #workUntil(until: number): boolean {
    for (let now = this.drive.clock.now(); now < until; now = this.drive.clock.now()) {
      if (this.#interrupted()) return true;
      this.#noticeCancel(now);
      const commands = decide(this.#state, { nowMs: now, live: this.#attempts.size, maxLive: this.#maxLive });
      for (const command of commands) this.#perform(command, now);
      if (commands.length > 0) continue;
      const arrival = this.#mailbox.take();
      if (!arrival) return true;
      this.#receive(arrival, now);
    }
    return false;
  }

  #perform(command: Command, now: number): void {
    const state = this.#state;
    switch (command.do) {
      case "settle":
        return this.#writeAll(settle(state, command.node, this.#load));
      case "skip":
        return this.#write(nodeSkipped(command.node, command.reason));
      case "retry": {
        const { node, attempt, failure } = command;
        const pause = backoffMs(node.spec.retry, state.started?.seed ?? 0, node, attempt);
        return this.#write(nodeRetrying(node, attempt, failure, pause));
      }
      case "start":
      case "continue":
        return this.#start(command, now);
      case "expand":
        return this.#write(nodeExpanded(command.node, inputsOf(state, command.node, this.#load)));
      case "collect":
        forgetInvocations(state, command.node);
        return this.#write(nodeCollected(nodeState(state, command.node), now, this.#load));
      case "stop":
        return this.#cancel(command.why, FAILED_BY, new Stop("cancelled"), now);
      case "expire":
        return this.#cancel(command.why, timeLimit(state).by, new Stop("timed out"), now);
      case "park":
        return this.#write(this.#parked("waiting for a decision", "host", command.waiting, now));
      case "finish":
        this.#writeAll(artifacts(state, this.#load, (value) => this.drive.journal.keep(value)));
        return this.#write(runFinished(state, now, this.drive.journal));
    }
  }

  #start({ do: how, node, attempt }: { do: "start" | "continue"; node: GraphNode; attempt: number }, now: number): void {
    const recorded: RecordedAttempt = how === "continue" ? this.#recorded(node.id, attempt) : nothingRecorded;
    const spec = attemptSpec(this.#state, node, attempt, recorded, this.#load);
    const reused = how === "start" && attempt === 1 ? this.drive.reuse?.of(spec) : null;
    if (reused && "drafts" in reused) return this.#writeAll(reused.drafts);
    if (how === "start") this.#write(nodeStarted(spec, reused?.why));
    else takeUp(this.#state, node, now);
    this.#attempts.start({ node, spec, startedMs: now });
  }

  #receive(arrival: Arrival, now: number): void {
    const { live } = arrival;
    this.#attempts.done(live);
    if ("error" in arrival) throw arrival.error;
    const { end } = arrival;
    if (end.status === "parked") return this.#nodeParked(live, end.proposal);
    const duration = Math.max(0, now - live.startedMs);
    this.#write(nodeFinished(live.spec, end, duration, this.drive.journal));
  }

  /** The executor may have said itself that the node waits, when it asked. */
  #nodeParked({ node }: Live, proposal: ProposalId): void {
    const { phase } = nodeState(this.#state, node);
    if (phase.is === "waiting" && phase.proposal === proposal) return;
    const meta = { node: node.id, proposal_id: proposal };
    this.#write({ kind: "node.waiting", level: "info", message: `${node.id} waits for a decision`, meta });
  }

  #noticeCancel(now: number): void {
    const signal = this.drive.signals?.cancel;
    if (!signal?.aborted || this.#state.cancelled || this.#state.unended === 0) return;
    const why = typeof signal.reason === "string" ? signal.reason : "cancelled";
    this.#cancel(why, "user", new Stop("cancelled"), now);
  }

  #cancel(why: string, by: string, stop: Stop, now: number): void {
    const meta = { why, by, active_ms: activeAt(this.#state, now) };
    this.#write({ kind: "run.cancelled", level: "warn", message: `cancelled: ${why}`, meta });
    this.#attempts.stop(stop);
  }

  /** A run that is being cancelled, or has nothing left to run, comes to its end instead. */
  #interrupted(): boolean {
    const { cancel, interrupt } = this.drive.signals ?? {};
    const { cancelled, parked, unended } = this.#state;
    return interrupt?.aborted === true && !cancel?.aborted && !cancelled && !parked && unended > 0;
  }

  /**
   * Ends that arrive from here on are dropped, even good ones: an attempt may have seen a call fail because of the interruption.
   * They are executed again, from their journals, when the run is resumed.
   */
  async #park(): Promise<void> {
    this.#attempts.stop(new Stop("interrupted"));
    await this.#attempts.settled();
    for (let arrival = this.#mailbox.take(); arrival; arrival = this.#mailbox.take()) {
      this.#attempts.done(arrival.live);
      if ("error" in arrival) throw arrival.error;
    }
    this.#write(this.#parked("interrupted", "user", waitingFor(this.#state), this.drive.clock.now()));
  }

  #parked(why: string, by: string, waiting: readonly ProposalId[], now: number): RunEventDraft {
    const meta = { why, by, active_ms: activeAt(this.#state, now), waiting: [...waiting] };
    return { kind: "run.parked", level: "info", message: `parked: ${why}`, meta };
  }

  #write(draft: RunEventDraft): void {
    this.#stream.write([draft]);
  }

  #writeAll(drafts: readonly RunEventDraft[]): void {
    this.#stream.write(drafts);
  }

  #setTimer(): void {
    const dueMs = nextTimer(this.#state);
    if (this.#timer?.dueMs === dueMs) return;
    this.#timer?.stop.abort();
    this.#timer = null;
    if (dueMs === Infinity) return;
    const timer = { dueMs, stop: new AbortController() };
    this.#timer = timer;
    const ms = Math.min(LONGEST_SLEEP_MS, Math.max(0, dueMs - this.drive.clock.now()));
    void this.drive.clock.sleep(ms, timer.stop.signal).then(
      () => {
        if (this.#timer === timer) this.#timer = null;
        this.#mailbox.knock();
      },
      () => undefined,
    );
  }

  #outcome(): RunOutcome {
    const { finished, spending } = this.#state;
    if (!finished) {
      const waiting = waitingFor(this.#state);
      return {
        status: "parked",
        success: false,
        reason: null,
        finished: null,
        finalHash: null,
        nodes: [],
        totals: spending.totals(),
        waiting,
      };
    }
    const { status, success, reason, final_hash: finalHash, nodes, totals } = finished;
    return { status, success, reason: reason ?? null, finished, finalHash, nodes, totals, waiting: [] };
  }
}
