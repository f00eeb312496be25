/** What tools ask of the host: compile an opening, run it, resume, cancel, decide, replay. */
import type { Digest } from "#core/digest.js";
import type { RunEvent, RunEventOf, RunStatus } from "#core/events.js";
import type { NodeId, ProposalId, TraceId } from "#core/ids.js";
import type { Json, JsonObject } from "#core/json.js";
import type { AgentInterface } from "#openings/agent.js";
import type { Opening } from "#openings/ir.js";
import type { Diagnostic } from "#openings/language/diagnostic.js";

/** An opening with everything that running it needs; `opening` is null when there is an error among the diagnostics. */
export interface Compiled {
  readonly file: string;
  readonly opening: Opening | null;
  readonly diagnostics: readonly Diagnostic[];
  /** What it was compiled from; missing where it was put together by a program. */
  readonly source?: { readonly bytes: Uint8Array; readonly params: JsonObject };
  /** The agents that the opening uses, by `name` or `name@variant`. */
  readonly agents: ReadonlyMap<string, AgentInterface>;
}

/** A proposal as a person must see it: rendered by the host from the arguments, whole, control characters made visible. */
export interface ShownProposal {
  readonly id: ProposalId;
  readonly node: NodeId;
  readonly action: string;
  readonly argsHash: Digest;
  readonly text: string;
  readonly args: Json;
}

export interface Decision {
  readonly decision: "approved" | "rejected";
  /** `user`, `flag --yes`, `policy`, … */
  readonly by: string;
  readonly reason?: string;
}

/** Who answers proposals. `null`: nobody is there to ask; the run parks. The signal aborts when the answer came from elsewhere. */
export interface Decider {
  ask(proposal: ShownProposal, signal: AbortSignal): Promise<Decision | null>;
}

export interface RunSignals {
  /** Stops the run so that it can be resumed (Ctrl-C). */
  readonly interrupt?: AbortSignal;
}

export interface RunOptions {
  /** 0 to 2^53 − 1; drawn at random when it is not given. */
  readonly seed?: number;
  /** Where the guests' clock starts; the start of the run when it is not given. */
  readonly epochMs?: number;
  readonly decider: Decider;
  /** Each event, in order of `seq`, once it is durable. */
  readonly onEvent?: (event: RunEvent) => void;
  readonly signals?: RunSignals;
}

export interface RunResult {
  readonly traceId: TraceId;
  readonly openingName: string;
  readonly status: RunStatus | "parked";
  readonly success: boolean;
  readonly reason: string | null;
  readonly finalHash: Digest | null;
  readonly nodes: RunEventOf<"run.finished">["meta"]["nodes"];
  readonly totals: RunEventOf<"run.finished">["meta"]["totals"];
  /** Proposals that wait for a decision, where the run is parked. */
  readonly waiting: readonly ProposalId[];
}

export type { JsonObject };
