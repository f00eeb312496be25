/**
 * One run as a file: its events as NDJSON, the lines of `rlp run --json`, and after them one line for each blob that they name,
 * `{"blob":"<blake3>","media_type":"…","base64":"…"}`. With the agents at hand it replays anywhere.
 */
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import * as z from "zod";
import { blake3, isDigest, type Digest } from "#core/digest.js";
import { DataError, RlpError, UsageError } from "#core/errors.js";
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

/** Reads a trace file. Wrong lines are errors with their number. */
export async function readTrace(file: string): Promise<Trace> {
  const info = await stat(file).catch((cause: unknown) => {
    throw new UsageError("USAGE_NOT_FOUND", `there is no trace file ${file}`, {
      place: { file },
      cause,
      hint: "`rlp run … --trace-out FILE` writes one",
    });
  });
  if (!info.isFile()) throw new UsageError("USAGE", `${file} is not a file`, { place: { file } });
  if (info.size > MAX_FILE)
    throw new DataError("DATA_TOO_LARGE", `the trace file has ${info.size} bytes, more than ${MAX_FILE}`, { place: { file } });
  const events: RunEvent[] = [];
  const blobs = new Map<Digest, Uint8Array>();
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
    number++;
    if (line.trim() === "") continue;
    try {
      const value = parseJson(line, { bytes: MAX_BLOB_LINE, depth: 128, elements: 1_000_000 });
      if (isJsonObject(value) && "blob" in value) addBlob(blobs, value);
      else events.push(parseRunEvent(value));
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      throw new DataError("DATA_BAD_EVENT", error.message, { place: { file, line: number }, cause: error });
    }
  }
  const first = events[0];
  if (!first) throw new DataError("DATA_BAD_EVENT", "the trace file holds no events", { place: { file } });
  const stranger = events.find((event) => event.trace_id !== first.trace_id);
  if (stranger)
    throw new DataError("DATA_BAD_EVENT", `the file mixes ${first.trace_id} with ${stranger.trace_id}`, {
      place: { file },
      hint: "a trace file holds one run",
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

function addBlob(blobs: Map<Digest, Uint8Array>, value: Json): void {
  const line = blobLine.safeParse(value);
  if (!line.success) throw new DataError("DATA_BAD_EVENT", "a blob line is `{blob, media_type, base64}`");
  const bytes = Buffer.from(line.data.base64, "base64");
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
