/** Errors as a person, or a program, reads them: `error[CODE]: what, where`, then `hint:`. Never a stack trace without `--debug`. */
import { Exit, formatPlace, RlpError, UsageError, type ExitCode, type Place } from "#core/errors.js";
import type { Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import type { Output } from "./output.js";
import { jsonLine } from "./terminal/json.js";

interface Shown {
  readonly code: string;
  readonly message: string;
  readonly place?: Place | undefined;
  readonly hint?: string | undefined;
}

/** Tells an error on standard error, as one JSON object with `--json`; gives the exit code. */
export async function tellFailure(error: unknown, out: Output, debug: boolean): Promise<ExitCode> {
  const exit = error instanceof RlpError ? error.exit : Exit.failed;
  const { diagnostics } = error as { diagnostics?: unknown };
  if (Array.isArray(diagnostics) && !out.json) {
    // An opening's own errors come with their source lines; only commands that read openings load what draws them.
    const { tellDiagnostics, countDiagnostics } = await import("./opening.js");
    tellDiagnostics(diagnostics, out);
    out.complain(`${countDiagnostics(diagnostics)}: nothing was run`);
    return exit;
  }
  if (out.json) out.complain(jsonLine(asJson(error, debug), out.stderr.isTTY === true));
  else for (const shown of shownOf(error)) out.complain(formatFailure(shown, out));
  if (debug && !out.json) out.complain(traceOf(error));
  return exit;
}

/** `error[CODE]: what, where` and, where there is one, a line `hint: …`. */
export function formatFailure({ code, message, place, hint }: Shown, out: Output): string {
  const paint = out.errColours;
  const full = formatPlace(place);
  const where = message.includes(full) ? "" : full; // said already
  const line = `${paint.red(paint.bold(`error[${code}]`))}: ${visibleLine(message)}${where === "" ? "" : `, ${visibleLine(where)}`}`;
  return hint === undefined ? line : `${line}\n${paint.bold("hint:")} ${visibleLine(hint)}`;
}

function shownOf(error: unknown): readonly Shown[] {
  if (!(error instanceof RlpError)) return [internal(error)];
  const { issues } = error as { issues?: unknown };
  if (!Array.isArray(issues) || issues.length === 0) return [error];
  return issues.map((issue: Omit<Shown, "code">) => ({ ...issue, code: error.code }));
}

function asJson(error: unknown, debug: boolean): Json {
  const shown = error instanceof RlpError ? error.toJSON() : internal(error);
  const { diagnostics } = error as { diagnostics?: Json };
  return {
    ...(shown as unknown as Record<string, Json>),
    ...(diagnostics !== undefined && { diagnostics }),
    ...(debug && { trace: traceOf(error) }),
  };
}

/** A bug of ours, or of something below us: one line, and no stack. */
function internal(error: unknown): Shown {
  const system = error as NodeJS.ErrnoException | null;
  const message = error instanceof Error ? error.message : String(error);
  const hints: Readonly<Record<string, string>> = {
    EACCES: "the file's permissions do not allow this; `rlp doctor` checks those of the home",
    EPERM: "the file's permissions do not allow this; `rlp doctor` checks those of the home",
    ENOSPC: "the disk is full: free some space, then `rlp resume` goes on with what was interrupted",
    ENOTDIR: "a file stands where a folder has to be",
    EROFS: "the file system is read-only: pass another folder with --home",
    EMFILE: "too many files are open: `ulimit -n` sets the limit",
  };
  const hint = (system?.code && hints[system.code]) ?? "this is a fault in rlp; `--debug` shows where";
  return { code: "INTERNAL", message: message.split("\n")[0] ?? message, hint };
}

function traceOf(error: unknown): string {
  const lines: string[] = [];
  for (
    let cause: unknown = error;
    cause !== undefined && lines.length < 8;
    cause = cause instanceof Error ? cause.cause : undefined
  )
    lines.push(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  return lines.join("\ncaused by ");
}

/** A `USAGE` error about a command line. */
export function usage(message: string, hint?: string): UsageError {
  return new UsageError("USAGE", message, hint === undefined ? {} : { hint });
}
