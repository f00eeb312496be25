import { Exit, RlpError } from "#core/errors.js";

export type TraceCode =
  /** A line of a trace file is not what was written there, or lines are missing. */
  | "TRACE_DAMAGED"
  /** The file is whole, and nobody whose word counts has signed it. */
  | "TRACE_UNSIGNED"
  /** The run came from elsewhere: it is looked at and replayed, and nothing goes on in it. */
  | "TRACE_FOREIGN"
  /** This home has a run of that name, and not from this file. */
  | "TRACE_KNOWN"
  /** An agent of the run is not at hand as it ran. */
  | "TRACE_AGENT";

const exits: Readonly<Record<TraceCode, RlpError["exit"]>> = {
  TRACE_DAMAGED: Exit.mismatch,
  TRACE_UNSIGNED: Exit.mismatch,
  TRACE_FOREIGN: Exit.usage,
  TRACE_KNOWN: Exit.failed,
  TRACE_AGENT: Exit.failed,
};

/** Runs as files, and runs that came as files. */
export class TraceError extends RlpError<TraceCode> {
  readonly family = "trace";
  override readonly exit = exits[this.code];
}
