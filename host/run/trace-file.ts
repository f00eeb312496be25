/**
 * One run as a file: its events as NDJSON, the lines of `rlp run --json`, and after them one line for each blob that they name,
 * `{"blob":"<blake3>","media_type":"…","base64":"…"}`. With the agents at hand it replays anywhere.
 */
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import * as z from "zod";
import { blake3, isDigest, type Digest } from "#core/digest.js";
import { DataError, Exit, RlpError, UsageError } from "#core/errors.js";
import { LINE_BYTES, parseRunEvent, type RunEvent } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { isJsonObject, parseJson, type Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import type { RunReader } from "./ledger.js";

export interface Trace extends RunReader {
  readonly traceId: TraceId;
  readonly events: readonly RunEvent[];
}

/** Files and lines from elsewhere are bounded: a blob line holds at most one blob of 64 MiB. */
const MAX_FILE = 1 << 30;
const MAX_BLOB_LINE = 96 << 20;
const blobLine = z.strictObject({
  blob: z.custom<Digest>(isDigest, "not a BLAKE3 digest"),
  media_type: z.string().max(256),
  base64: z.string(),
});

const MADE_BY = "`rlp run … --trace-out FILE` writes one";

/** A line of a trace file is not what was written there. Exit code 4: the record does not hold. */
export class TraceDamaged extends RlpError<"TRACE_DAMAGED"> {
  readonly family = "trace";
  override readonly exit = Exit.mismatch;
}

/** Characters of a line; the largest blob line has fewer. */
const LINE_LENGTH = MAX_BLOB_LINE;

async function* readable(stream: AsyncIterable<string>, file: string): AsyncIterable<string> {
  try {
    yield* stream;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new UsageError("USAGE", `the trace file cannot be read (${code})`, { place: { file }, cause });
  }
}

/** Without the limit, one line of a file from elsewhere would fill the memory before anything looks at it. */
async function* linesOf(file: string): AsyncIterable<string> {
  let rest = "";
  const stream = createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 20 });
  for await (const chunk of readable(stream, file)) {
    if (chunk.includes("\n")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    } else rest += chunk;
    if (rest.length > LINE_LENGTH)
      throw new UsageError("USAGE", `a line has more than ${LINE_LENGTH} characters`, { place: { file } });
  }
  if (rest !== "") yield rest;
}

/** Reads a trace file. Wrong lines are errors with their number: `USAGE` where the file is none at all, else `TRACE_DAMAGED`. */
export async function readTrace(file: string): Promise<Trace> {
  const info = await stat(file).catch((cause: unknown) => {
    throw new UsageError("USAGE_NOT_FOUND", `there is no trace file ${file}`, {
      place: { file },
      cause,
      hint: MADE_BY,
    });
  });
  if (!info.isFile()) throw new UsageError("USAGE", `${file} is not a file`, { place: { file } });
  if (info.size > MAX_FILE)
    throw new UsageError("USAGE", `the trace file has ${info.size} bytes, more than ${MAX_FILE}`, { place: { file } });
  const events: RunEvent[] = [];
  const blobs = new Map<Digest, Uint8Array>();
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    if (line.trim() === "") continue;
    try {
      const value = parseJson(line, { bytes: MAX_BLOB_LINE, depth: 128, elements: 1_000_000 });
      if (isJsonObject(value) && "blob" in value) addBlob(blobs, value);
      else events.push(sameRun(parseRunEvent(value), events[0]));
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      const place = { file, line: number };
      if (events.length === 0)
        throw new UsageError("USAGE", `this is no trace file: ${error.message}`, { place, cause: error, hint: MADE_BY });
      throw new TraceDamaged("TRACE_DAMAGED", error.message, { place, cause: error, ...(error.hint && { hint: error.hint }) });
    }
  }
  const first = events[0];
  if (!first) throw new UsageError("USAGE", "the trace file holds no events", { place: { file }, hint: MADE_BY });
  const last = events.at(-1) ?? first;
  if (last.kind !== "run.finished" && last.kind !== "run.parked")
    throw new TraceDamaged("TRACE_DAMAGED", `the file ends in the middle of the run, after event ${last.seq} (${last.kind})`, {
      place: { file, line: number },
      hint: "it was cut off, or is what a run had printed when it was killed; `rlp replay <trace>` goes as far as the ledger does",
    });
  return {
    traceId: first.trace_id,
    events,
    runEvents: (traceId, fromSeq = 0) => (traceId === first.trace_id ? events.filter((event) => event.seq >= fromSeq) : []),
    blob(digest) {
      const bytes = blobs.get(digest);
      if (!bytes) throw new DataError("DATA_BAD_EVENT", `the file does not hold the blob ${digest}`, { place: { file } });
      return bytes;
    },
  };
}

function sameRun(event: RunEvent, first: RunEvent = event): RunEvent {
  if (event.trace_id !== first.trace_id)
    throw new DataError("DATA_BAD_EVENT", `the file mixes ${first.trace_id} with ${event.trace_id}`, {
      hint: "a trace file holds one run",
    });
  if (event.opening_id !== first.opening_id || event.run_id !== event.trace_id)
    throw new DataError("DATA_BAD_EVENT", `event ${event.seq} belongs to another opening or run than it says`);
  return event;
}

function addBlob(blobs: Map<Digest, Uint8Array>, value: Json): void {
  const line = blobLine.safeParse(value);
  if (!line.success) throw new DataError("DATA_BAD_EVENT", "a blob line is `{blob, media_type, base64}`");
  const bytes = Buffer.from(line.data.base64, "base64");
  if (bytes.toString("base64") !== line.data.base64) throw new DataError("DATA_BAD_EVENT", "the blob is not in base64");
  const digest = blake3(bytes);
  if (digest !== line.data.blob) throw new DataError("DATA_BAD_EVENT", `the blob ${line.data.blob} has the digest ${digest}`);
  blobs.set(digest, bytes);
}

/** Digests of all blobs that a run's events name. Only stored values count: an agent's own JSON may look like one and is not. */
export function blobsOf(events: Iterable<RunEvent>): Set<Digest> {
  const found = new Set<Digest>();
  for (const event of events) {
    for (const stored of storedValues(event)) if ("blob" in stored) found.add(stored.blob);
    if (event.kind === "run.started") found.add(event.meta.opening);
    if (event.kind === "run.finished" && event.meta.nodes_blob) found.add(event.meta.nodes_blob);
    if (event.kind === "artifact.created") found.add(event.meta.digest);
    if (event.kind === "email.sent") found.add(event.meta.artifact);
  }
  return found;
}

function storedValues(event: RunEvent): readonly StoredValue[] {
  switch (event.kind) {
    case "node.finished":
      return [...event.meta.outputs.map((output) => output.body), ...(event.meta.state ? [event.meta.state] : [])];
    case "call.finished":
      return [event.meta.response];
    case "action.proposed":
      return [event.meta.summary, event.meta.args];
    default:
      return [];
  }
}

/** Writes a run to a file, all at once: the file is whole or not there. */
export async function writeTrace(file: string, events: Iterable<RunEvent>, blob: (digest: Digest) => Uint8Array): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  try {
    const out = await open(partial, "w", 0o600);
    try {
      const all = [...events];
      for (const event of all) await out.write(`${eventLine(event)}\n`);
      for (const digest of [...blobsOf(all)].sort())
        await out.write(
          `${JSON.stringify({ blob: digest, media_type: "application/json", base64: Buffer.from(blob(digest)).toString("base64") })}\n`,
        );
      await out.sync();
    } finally {
      await out.close();
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** One event as it stands on standard output. */
export function eventLine(event: RunEvent): string {
  const line = JSON.stringify(event);
  if (Buffer.byteLength(line) > LINE_BYTES)
    throw new DataError("DATA_TOO_LARGE", `event ${event.seq} is longer than ${LINE_BYTES} bytes`);
  return line;
}
