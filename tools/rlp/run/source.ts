/** Where a run is that a person named: in this home's ledger, among those from elsewhere, or in a file. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { RunEvent } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import type { Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import { RlpError } from "#core/errors.js";
import type { ReplaySource } from "#host/run/replay.js";
import type { Context } from "../context.js";
import { loadStored, resolveTrace, withLedger } from "../ledger.js";

/** A file where there is one of that name; `trace:` always means a run. The ledger comes before what came from elsewhere. */
export async function runSource(context: Context, what: string): Promise<ReplaySource> {
  const file = resolve(context.world.cwd, what);
  if (!what.startsWith("trace:") && (existsSync(file) || !/^[0-9a-f-]{1,36}$/i.test(what))) return { file };
  try {
    return { trace: await withLedger(context, (ledger) => resolveTrace(ledger, what)) };
  } catch (error) {
    const imported = error instanceof RlpError && error.code === "KB_NOT_FOUND" ? await importedSource(context, what) : null;
    if (imported === null) throw error;
    return imported;
  }
}

async function importedSource(context: Context, what: string): Promise<ReplaySource | null> {
  const { findImported, importedFile } = await import("#host/trace/imported.js");
  const home = context.locateHome();
  const found = await findImported(home, what);
  return found && { file: importedFile(home, found) };
}

/**
 * A run of this home's own, for what goes on in it. Throws `TRACE_FOREIGN` for one that came from elsewhere; `what` completes "it
 * cannot be …".
 */
export async function ownTrace(
  context: Context,
  ledger: Parameters<typeof resolveTrace>[0],
  id: string,
  what: string,
): Promise<TraceId> {
  try {
    return resolveTrace(ledger, id);
  } catch (error) {
    const { findImported, refuseForeign } = await import("#host/trace/imported.js");
    const found = await findImported(context.locateHome(), id);
    return found ? refuseForeign(found, what) : raise(error);
  }
}

function raise(error: unknown): never {
  throw error;
}

export interface NamedRun {
  readonly traceId: TraceId;
  /** Where it came from elsewhere. */
  readonly file: string | null;
  events(): Iterable<RunEvent>;
  load(stored: StoredValue): Json;
}

export async function withRun<T>(context: Context, what: string, use: (run: NamedRun) => T | Promise<T>): Promise<T> {
  const source = await runSource(context, what);
  if ("trace" in source)
    return withLedger(context, (ledger) =>
      use({
        traceId: source.trace,
        file: null,
        events: () => ledger.runEvents(source.trace),
        load: (stored) => loadStored(ledger, stored),
      }),
    );
  const { readTrace } = await import("#host/trace/read.js");
  const trace = await readTrace(source.file);
  const { blobValue } = await import("#host/run/ledger.js");
  return use({
    traceId: trace.traceId,
    file: trace.file,
    events: () => trace.events,
    load: (stored) => ("value" in stored ? stored.value : blobValue(trace.blob(stored.blob))),
  });
}
