/** Runs attempts of nodes as guests in sandbox processes, live or from the journal. */
import type { RunEventDraft } from "#core/events.js";
import { canonicalJson, type Json, type JsonObject } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import { hostFailure, joinLabels, type Failure, type Labels, type Message } from "#core/values.js";
import type { AgentInterface, Grant, TypeRegistry } from "#openings/agent.js";
import type { AttemptCosts, AttemptEnd, AttemptSpec, Clock, Executor, Journal } from "#openings/engine/world.js";
import { JournalHasher, outputsHash, type HashedEnd } from "#openings/journal/hash.js";
import type { Admitted, GuestCosts, GuestEnd, GuestLog, GuestOutput, GuestSpec, Sandbox } from "../component/contract.js";
import { Parked, type HostFunctions } from "../imports/interface.js";
import { limitsOf, type Lowered } from "../limits/effective.js";
import { isAnyCageEnough, type AgentTrust } from "../trust/agent.js";
import { linkedInterfaces, stubbedInterfaces } from "../capability/link.js";
import type { RunBudgets } from "../broker/run-budgets.js";
import { Stop } from "#openings/engine/attempts.js";
import { fuelAllowance, notBegun, withinBudget } from "./fuel.js";
import type { TraceId } from "#core/ids.js";
import { AttemptCalls, tokensOf } from "./calls.js";
import { acceptOutputs, acceptStandardOutput, checkInputs } from "./outputs.js";
import { Held } from "./held.js";
import { commitFiles, isCommit } from "./commit-files.js";
import { granted } from "../fs/directories.js";
import { WallClock } from "./wall-clock.js";

/** An agent that is ready to run. */
export interface LoadedAgent {
  readonly face: AgentInterface;
  /** The folder of its bundle. */
  readonly dir?: string;
  readonly grant: Grant;
  readonly component: Admitted;
  /** What the operator's ceilings took from the limits that its manifest asks for. */
  readonly lowered?: readonly Lowered[];
  /** Agents of one trust domain may share a sandbox process. Default: a domain of its own for each component. */
  readonly domain?: string;
  /** Who vouches for it, and what the layers of this host took from it. Default: nobody. */
  readonly trust?: AgentTrust;
}

export interface ExecutorOptions {
  readonly traceId: TraceId;
  readonly agentOf: (node: NodeId) => LoadedAgent;
  readonly types: TypeRegistry;
  readonly sandbox: Sandbox;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly functions: HostFunctions;
  /** Default: nothing but the agents' own limits. */
  readonly budgets?: RunBudgets;
}

/** An attempt whose sandbox process dies is executed again from its journal; the second death is taken to be its own doing. */
const SANDBOX_DEATHS = 2;

class TimedOut extends Error {}

export class AgentExecutor implements Executor {
  private readonly options: ExecutorOptions;
  constructor(options: ExecutorOptions) {
    this.options = options;
  }

  async execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd> {
    const { journal, clock, functions, traceId } = this.options;
    const agent = this.options.agentOf(spec.node);
    const stopped = new AbortController();
    const stop = (reason: Error): void => stopped.abort(reason);
    const cancelled = (): void => stop(signal.reason instanceof Error ? signal.reason : new Error("cancelled"));
    if (signal.aborted) cancelled();
    signal.addEventListener("abort", cancelled, { once: true });
    const wallMs = Math.min(spec.timeoutMs ?? Infinity, agent.face.limits.wall_ms);
    const allowance = await fuelAllowance(this.options.budgets, spec, agent, journal, signal);
    if (allowance === "none" || allowance === "stopped") {
      signal.removeEventListener("abort", cancelled);
      return notBegun(spec, allowance);
    }
    const wall = new WallClock(wallMs, () => stop(new TimedOut(`the attempt took longer than ${wallMs} ms`)));
    const held = new Held(stop);
    const calls = new AttemptCalls(
      spec,
      journal,
      {
        functions,
        journal,
        now: () => clock.now(),
        context: (call, requestHash) => ({
          traceId,
          node: spec.node,
          agent: agent.face,
          grant: agent.grant,
          attempt: spec.attempt,
          seq: call.seq,
          requestHash,
          journal,
          clock,
          signal: stopped.signal,
          recorded: spec.recorded,
          held,
          offTheClock: (work) => wall.pausedFor(work),
        }),
      },
      stop,
    );
    const log = new AttemptLog(spec, journal, stop);
    try {
      const ended = await execution({
        spec,
        agent,
        types: this.options.types,
        sandbox: this.options.sandbox,
        calls,
        log,
        signal: stopped.signal,
        drop: (resource, name) => held.drop(resource, name),
        ...(allowance && { fuelLimit: allowance.fuel }),
      });
      const end = withinBudget(ended, allowance?.fuel ?? null, agent);
      if (allowance && !stopsForResume(signal)) await journal.append(allowance.settle(end.costs.fuel), "soon");
      await held.end();
      const reason: unknown = stopped.signal.aborted ? stopped.signal.reason : null;
      if (reason instanceof Parked) return { status: "parked", proposal: reason.proposal };
      if (reason instanceof TimedOut && end.status === "cancelled") {
        await journal.append([limitHit(spec.node, "wall_ms", wall.elapsedMs(), wallMs)]);
        const failure = hostFailure("host.timeout", reason.message);
        return {
          ...(await costsOf(spec, end.costs, calls, { status: "error", failure })),
          status: "error",
          failure,
          state: end.costs.state,
          labels: await labelsRead(spec, calls),
        };
      }
      // The host itself is broken, or the guest diverged from its journal: not an end of the attempt but of the run's process.
      if (reason !== null && !signal.aborted && !(reason instanceof TimedOut)) throw reason;
      const met = [...(end.costs.met ?? []), ...(end.limit ? [end.limit] : [])];
      if (met.length > 0) await journal.append(met.map(({ name, value, ceiling }) => limitHit(spec.node, name, value, ceiling)));
      if (end.status !== "cancelled") calls.checkComplete();
      return await finish(spec, end, calls);
    } finally {
      wall.stop();
      signal.removeEventListener("abort", cancelled);
      await calls.settled(); // nothing of this attempt is written after its end
      await held.end();
    }
  }
}

/** An interrupted attempt is taken up again, and keeps what it has reserved. */
function stopsForResume(signal: AbortSignal): boolean {
  return (
    signal.aborted && signal.reason instanceof Stop && signal.reason.why !== "cancelled" && signal.reason.why !== "timed out"
  );
}

/** How one execution of the guest ended, before it becomes an end of the attempt. */
export type Execution = { readonly costs: GuestCosts; readonly limit?: { name: string; value: number; ceiling: number } } & (
  | { readonly status: "ok"; readonly outputs: readonly Message[] }
  | { readonly status: "error"; readonly failure: Failure }
  | { readonly status: "cancelled" }
);

const NO_COSTS: GuestCosts = { fuel: 0, peakMemoryBytes: 0, localHash: "0".repeat(64), state: {} };

/** Executes the guest, again where its process died under it, and checks what goes in and what comes out. */
export async function execution(run: {
  spec: AttemptSpec;
  agent: LoadedAgent;
  types: TypeRegistry;
  sandbox: Sandbox;
  calls: AttemptCalls;
  log: LogTaker;
  signal: AbortSignal;
  fuelLimit?: number;
  /** The guest has let go of a resource of the host. In a replay there is nothing to let go of. */
  drop?: (resource: string, name: Json) => void;
}): Promise<Execution> {
  const { spec, agent, calls, log } = run;
  const unfit = checkInputs(spec.inputs, agent.face, run.types);
  if (unfit) return { status: "error", failure: unfit, costs: { ...NO_COSTS, state: spec.state } };
  for (let deaths = 0; ;) {
    log.restart();
    const end: GuestEnd = await run.sandbox.run(
      guestSpec(spec, agent, run.fuelLimit),
      {
        call: async (call) => {
          // Decided on when the attempt has succeeded, never in the middle: a sandbox process that asks for it is not ours any more.
          if (isCommit(call)) throw new Error("the changes to files are not the guest's to commit");
          return calls.answer(call);
        },
        log: (line) => log.write("chunk" in line ? outputDraft(spec, line) : logDraft(spec, line)),
        ...(run.drop && { drop: run.drop }),
      },
      run.signal,
    );
    if (end.kind === "lost") {
      if (run.signal.aborted) return { status: "cancelled", costs: { ...NO_COSTS, state: spec.state } };
      if (++deaths < SANDBOX_DEATHS) continue;
      return {
        status: "error",
        failure: hostFailure("host.sandbox-lost", end.reason),
        costs: { ...NO_COSTS, state: spec.state },
      };
    }
    if (end.kind === "cancelled") return { status: "cancelled", costs: end };
    if (end.kind === "failed")
      return { status: "error", failure: end.failure, costs: end, ...(end.limit && { limit: end.limit }) };
    const read = await labelsRead(spec, calls);
    const outputs =
      end.kind === "exited"
        ? acceptStandardOutput(end.stdout, agent.face, run.types, read)
        : acceptOutputs(end.outputs, agent.face, run.types, read);
    if ("code" in outputs) return { status: "error", failure: outputs, costs: end };
    if (!end.changes) return { status: "ok", outputs, costs: end };
    const failure = await commitFiles(calls, end.changes, end.fuel);
    if (failure === "stopped") return { status: "cancelled", costs: end };
    return failure ? { status: "error", failure, costs: end } : { status: "ok", outputs, costs: end };
  }
}

/** Where everything comes from that the attempt may have looked at. */
async function labelsRead({ inputs }: AttemptSpec, calls: AttemptCalls): Promise<Labels> {
  const answers = await calls.settled();
  return joinLabels(...inputs.map((input) => input.labels), ...answers.map((record) => record.labels));
}

function guestSpec(spec: AttemptSpec, agent: LoadedAgent, fuelLimit: number | undefined): GuestSpec {
  const limits = limitsOf(agent.face.limits);
  return {
    ...(agent.domain !== undefined && { domain: agent.domain }),
    anyCage: agent.trust !== undefined && isAnyCageEnough(agent.trust),
    vouched: agent.trust !== undefined && agent.trust.standing.kind !== "stranger",
    component: agent.component,
    node: spec.node,
    attempt: spec.attempt,
    // Canonical text: a value read back from the journal must cost the guest the same fuel as when it was new.
    with: canonicalJson(spec.with),
    inputs: spec.inputs.map((input) => ({
      port: input.port,
      type: input.type,
      body: canonicalJson(input.body),
      labels: input.labels,
    })),
    seed: spec.seed,
    epochMs: spec.epochMs,
    state: spec.state,
    limits: {
      fuel: Math.min(limits.fuel, fuelLimit ?? Infinity),
      memoryMib: limits.memory_mib,
      calls: limits.calls,
      bytesIn: limits.bytes_in,
      bytesOut: limits.bytes_out,
      logLines: limits.log_lines,
      logUnits: limits.log_bytes,
      handles: limits.handles,
    },
    linked: linkedInterfaces(agent.face, agent.grant),
    stubs: stubbedInterfaces(agent.face, agent.grant),
    granted: { time: agent.grant.time, random: agent.grant.random },
    directories: granted(agent.grant),
  };
}

/** The attempt's end with everything that its journal adds up to. */
export async function finish(
  spec: AttemptSpec,
  end: Execution,
  calls: AttemptCalls,
): Promise<Exclude<AttemptEnd, { status: "parked" }>> {
  const state: JsonObject = end.costs.state;
  switch (end.status) {
    case "ok": {
      const hashed = { status: "ok" as const, outputsHash: outputsHash(end.outputs) };
      return { ...(await costsOf(spec, end.costs, calls, hashed)), ...hashed, outputs: end.outputs, state };
    }
    case "error":
      return {
        ...(await costsOf(spec, end.costs, calls, { status: "error", failure: end.failure })),
        status: "error",
        failure: end.failure,
        state,
        labels: await labelsRead(spec, calls),
      };
    case "cancelled":
      return { ...(await costsOf(spec, end.costs, calls, { status: "cancelled" })), status: "cancelled", state };
  }
}

async function costsOf(spec: AttemptSpec, costs: GuestCosts, calls: AttemptCalls, end: HashedEnd): Promise<AttemptCosts> {
  const records = await calls.settled();
  const hasher = new JournalHasher({ inputsHash: spec.inputsHash, seed: spec.seed });
  for (const record of records) hasher.call(record);
  const journalHash = hasher.finish({
    localHash: costs.localHash as AttemptCosts["localHash"],
    fuel: costs.fuel,
    end,
  });
  return {
    fuel: costs.fuel,
    peakMemoryBytes: costs.peakMemoryBytes,
    localHash: costs.localHash as AttemptCosts["localHash"],
    journalHash,
    tokens: records.reduce((sum, record) => sum + tokensOf(record), 0),
    usd: 0,
    calls: records.length,
  };
}

/** A line of a guest's log or of a standard stream, as an event. */
export type LineDraft = RunEventDraft & { readonly kind: "log" | "node.stdout" | "node.stderr" };

/** Takes what a guest says, in order; `restart` says that the guest begins anew. */
export interface LogTaker {
  restart(): void;
  write(line: LineDraft): void;
}

/** The lines of an attempt. A re-executed guest says again what it has said: those lines are not written twice. */
export class AttemptLog implements LogTaker {
  private readonly journal: Journal;
  private readonly fail: (error: Error) => void;
  private written: number;
  private seen = 0;

  constructor(spec: AttemptSpec, journal: Journal, fail: (error: Error) => void) {
    this.journal = journal;
    this.fail = fail;
    this.written = spec.recorded.logs;
  }

  restart(): void {
    this.seen = 0;
  }

  write(line: LineDraft): void {
    if (this.seen++ < this.written) return;
    this.written = this.seen;
    this.journal.append([line], "soon").catch((error: unknown) => this.fail(error as Error));
  }
}

/** A line of a guest's log as the event that it becomes. */
function logDraft({ node, attempt }: AttemptSpec, entry: GuestLog): LineDraft {
  const level = entry.level === "warn" || entry.level === "error" ? entry.level : "info";
  const fields = { ...entry.fields, ...(entry.level !== level && { level: entry.level }) };
  return { kind: "log", level, message: entry.message, meta: { node, attempt, fields } };
}

/** The event's message is for people in a row of others; the line stands in `chunk`, whole. */
function outputDraft({ node, attempt }: AttemptSpec, { stream, level, chunk }: GuestOutput): LineDraft {
  const message = chunk.length > 200 ? `${chunk.slice(0, 200).toWellFormed()}…` : chunk;
  return { kind: `node.${stream}`, level, message, meta: { node, attempt, chunk } };
}

function limitHit(node: NodeId, limit: string, value: number, ceiling: number): RunEventDraft {
  return {
    kind: "limit.hit",
    level: "warn",
    message: `${node}: ${limit} reached (${ceiling})`,
    meta: { node, limit, value, ceiling },
  };
}
