import { Exit, type ExitCode } from "#core/errors.js";
import type { RunResult } from "#host/run/contract.js";
import type { RunView } from "./view.js";

/** A rejection fails the command even where the opening's own `success` holds without the action. */
export function exitOf(result: Pick<RunResult, "status" | "success">, { rejected }: Pick<RunView, "rejected">): ExitCode {
  if (result.status === "parked") return Exit.parked;
  return result.success && rejected === 0 ? Exit.ok : Exit.failed;
}
