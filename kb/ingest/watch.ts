/** When something under a path has changed. What has, the next ingest finds out by itself: what is unchanged costs nothing. */
import { watch, type FSWatcher } from "node:fs";
import { guarded } from "../errors.js";

/** Quiet for so long before it counts: editors write in several steps. Milliseconds. */
const QUIET = 300;

/** Yields at once and after each burst of changes, until `signal` aborts. Changes while nobody waits are kept as one. */
export async function* changes(path: string, signal: AbortSignal): AsyncIterable<void> {
  let wake = (): void => {};
  // At once for a start: something may have changed before there was anybody to see it.
  let pending = true;
  let timer: NodeJS.Timeout | undefined;
  const watcher: FSWatcher = guarded(path, "watch it", () =>
    watch(path, { recursive: true, persistent: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        pending = true;
        wake();
      }, QUIET);
    }),
  );
  // A folder that goes away while it is looked through is no error: it is a change.
  watcher.on("error", () => {});
  const stop = (): void => wake();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      if (!pending) await new Promise<void>((resolve) => (wake = resolve));
      if (signal.aborted) return;
      pending = false;
      yield;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    clearTimeout(timer);
    watcher.close();
  }
}
