/**
 * How one process asks another to cancel a run that the other drives: a file in the home, named after the run. (The ledger is not
 * the place: a request is no event of the run; `run.cancelled`, which follows, is.)
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { makeFolder } from "#core/folder.js";
import { join } from "node:path";
import type { TraceId } from "#core/ids.js";
import type { Home } from "../config/home.js";

/** A run is cancelled within this many milliseconds, and one look costs microseconds. */
const LOOK_MS = 50;

const file = (home: Home, traceId: TraceId): string => join(home.root, "cancel", traceId.replace("trace:", ""));

export function requestCancel(home: Home, traceId: TraceId, why: string): void {
  makeFolder(join(home.root, "cancel"));
  // Renamed into place: who looks sees all of it.
  const draft = `${file(home, traceId)}.${process.pid}`;
  writeFileSync(draft, why.toWellFormed(), { mode: 0o600 });
  renameSync(draft, file(home, traceId));
}

export function withdrawCancel(home: Home, traceId: TraceId): void {
  try {
    rmSync(file(home, traceId), { force: true });
  } catch {
    // A home that cannot be written holds no request of ours.
  }
}

/** What was given as the reason; a file that cannot be read asks all the same. */
function reasonIn(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, 1000).trim() || "cancelled";
  } catch {
    return "cancelled";
  }
}

export interface CancelWatch {
  readonly signal: AbortSignal;
  stop(): void;
}

export function watchForCancel(home: Home, traceId: TraceId): CancelWatch {
  const controller = new AbortController();
  const path = file(home, traceId);
  const timer = setInterval(() => {
    if (!existsSync(path)) return;
    controller.abort(reasonIn(path));
    clearInterval(timer);
  }, LOOK_MS);
  timer.unref();
  return {
    signal: controller.signal,
    stop() {
      clearInterval(timer);
      withdrawCancel(home, traceId);
    },
  };
}
