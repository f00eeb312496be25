import { RlpError } from "#core/errors.js";

export type EngineCode =
  | "ENGINE_NO_NODE"
  /** Nodes are left and nothing can happen any more: the graph has a cycle that the checks should have found. */
  | "ENGINE_STUCK"
  | "ENGINE_NOT_BEGUN"
  /** The run has ended; there is nothing to go on with. */
  | "ENGINE_FINISHED";

export class EngineError extends RlpError<EngineCode> {
  readonly family = "engine";
}
