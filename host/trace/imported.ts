/**
 * Runs from elsewhere. They stay files, in a folder of the home, and never become rows of its ledger: so nothing that somebody else's
 * host or person is said to have done can ever pass for what this one did, and no run of theirs goes on here. What the ledger
 * holds is that the file came in (`trace.imported`), and its digest.
 */
import { randomUUID } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { copyFile, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestStream, type Digest } from "#core/digest.js";
import { makeFolder } from "#core/folder.js";
import { parseTraceId, type TraceId } from "#core/ids.js";
import type { Host } from "../host.js";
import type { Home } from "../config/home.js";
import { TraceError } from "./error.js";
import { readTrace, type Trace } from "./read.js";

const ENDING = ".ndjson";

export const importedFile = ({ tracesDir }: Pick<Home, "tracesDir">, trace: TraceId): string =>
  join(tracesDir, `${trace.slice("trace:".length)}${ENDING}`);

/** The runs that were brought here, by the names of their files. */
export async function importedTraces({ tracesDir }: Pick<Home, "tracesDir">): Promise<readonly TraceId[]> {
  const names = await readdir(tracesDir).catch(() => [] as string[]);
  return names.flatMap((name) => {
    if (!name.endsWith(ENDING)) return [];
    try {
      return [parseTraceId(name.slice(0, -ENDING.length))];
    } catch {
      return [];
    }
  });
}

/**
 * Takes a trace file in, whole and checked. A file that is here already changes nothing. Throws `TRACE_KNOWN` where this home's own
 * ledger has the run, or another file of it came in before.
 */
export async function importTrace(
  host: Host,
  file: string,
): Promise<{ readonly trace: Trace; readonly file: string; readonly isNew: boolean }> {
  const { home } = host;
  makeFolder(home.tracesDir);
  // Copied first and read there: what was checked is what is kept, whatever becomes of the other file meanwhile.
  const draft = join(home.tracesDir, `${randomUUID()}.partial`);
  try {
    await readTrace(file); // so that what is wrong is told of the file that was named
    await copyFile(file, draft, constants.COPYFILE_EXCL);
    const trace = await readTrace(draft);
    const digest = await digestStream(createReadStream(draft) as AsyncIterable<Uint8Array>);
    const kept = importedFile(home, trace.traceId);
    const ledger = await host.ledger();
    for (const id of trace.runs.keys()) if (ledger.hasRun(id)) throw known(id, "this home's own ledger has that run", file);
    const before = await fileDigest(kept);
    if (before === digest) return { trace: { ...trace, file: kept }, file: kept, isNew: false };
    if (before !== null) throw known(trace.traceId, `another file of that run came in before (${kept})`, file);
    const { size } = await settle(draft);
    await ledger.append({
      trace: null,
      drafts: [
        {
          kind: "trace.imported",
          level: "info",
          message: `${trace.traceId} came from elsewhere`,
          actor: "user",
          scope: "user",
          meta: { trace: trace.traceId, digest, bytes: size, events: trace.events.length },
        },
      ],
    });
    await rename(draft, kept);
    return { trace: { ...trace, file: kept }, file: kept, isNew: true };
  } finally {
    await rm(draft, { force: true });
  }
}

/** An imported run by the beginning of its id; null where there is none, or more than one. */
export async function findImported(home: Pick<Home, "tracesDir">, prefix: string): Promise<TraceId | null> {
  const found = (await importedTraces(home)).filter((id) =>
    id.startsWith(`trace:${prefix.replace(/^trace:/, "").toLowerCase()}`),
  );
  return found.length === 1 && found[0] !== undefined ? found[0] : null;
}

/** Throws `TRACE_FOREIGN`: for what would go on with a run that is somebody else's. */
export function refuseForeign(trace: TraceId, what: string): never {
  throw new TraceError("TRACE_FOREIGN", `${trace} came from elsewhere: it cannot be ${what}`, {
    hint: `\`rlp replay ${trace}\` executes it again, \`rlp trace ${trace}\` shows it; to go on from it, run the opening here`,
  });
}

function known(trace: TraceId, why: string, file: string): TraceError {
  return new TraceError("TRACE_KNOWN", `${trace}: ${why}`, {
    place: { file },
    hint: `\`rlp trace ${trace}\` shows what is here`,
  });
}

async function fileDigest(file: string): Promise<Digest | null> {
  try {
    return await digestStream(createReadStream(file) as AsyncIterable<Uint8Array>);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function settle(file: string): Promise<{ readonly size: number }> {
  const handle = await open(file, "r+");
  try {
    await handle.chmod(0o600);
    await handle.sync();
    return await handle.stat();
  } finally {
    await handle.close();
  }
}
