/** Writes runs to a file that replays anywhere: all at once, the file is whole or not there. */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { blake3, type Digest } from "#core/digest.js";
import { DataError } from "#core/errors.js";
import { LINE_BYTES, type RunEvent } from "#core/events.js";
import { rowToRunEvent, type LedgerRow } from "#kb/ledger/row.js";
import type { TraceId } from "#core/ids.js";
import type { SigningKey } from "../trust/keys.js";
import type { AgentLine, RowsLine } from "./line.js";
import { Content, signSeal } from "./seal.js";
import { blobsOf } from "./values.js";
import type { Seal } from "./line.js";

export interface OutgoingBlob {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface OutgoingAgent {
  readonly name: string;
  readonly component: Digest;
  /** Path in the bundle → bytes. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface Outgoing {
  /** As the ledger holds them: the run first, then those that it began. */
  readonly runs: ReadonlyMap<TraceId, Iterable<LedgerRow>>;
  /** Throws where it is missing. */
  readonly blob: (digest: Digest) => OutgoingBlob;
  readonly agents: readonly OutgoingAgent[];
  readonly key?: SigningKey | undefined;
}

/** Rows of a line: far below a line's limit, whatever stands in their provenance. */
const ROWS = 256;

/** Mode 0600: everything that the run saw stands in it. Gives the seal. */
export async function writeTrace(file: string, outgoing: Outgoing): Promise<Seal> {
  const partial = `${file}.${randomUUID()}.partial`;
  try {
    const out = await open(partial, "wx", 0o600);
    try {
      const content = new Content();
      const counts = { runs: 0, events: 0, agents: 0, blobs: 0 };
      const line = async (text: string): Promise<void> => {
        content.line(text);
        await out.write(`${text}\n`);
      };
      await writeAll(outgoing, line, counts);
      const [traceId = ""] = outgoing.runs.keys();
      const seal: Seal = { version: 1, trace_id: traceId, ...counts, content: content.digest() };
      const signature = outgoing.key && signSeal(seal, outgoing.key);
      await out.write(`${JSON.stringify({ seal, ...(signature && { signature }) })}\n`);
      await out.sync();
      await out.close();
      await rename(partial, file);
      return seal;
    } finally {
      await out.close().catch(() => {});
    }
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeAll(
  { runs, blob, agents }: Outgoing,
  line: (text: string) => Promise<void>,
  counts: { runs: number; events: number; agents: number; blobs: number },
): Promise<void> {
  const named = new Set<Digest>();
  const chains: RowsLine["rows"][] = [];
  for (const [traceId, rows] of runs) {
    counts.runs++;
    for (const row of rows) {
      const event = rowToRunEvent(row);
      await line(eventLine(event));
      for (const digest of blobsOf([event])) named.add(digest);
      let chain = chains.at(-1);
      if (chain?.trace_id !== traceId || chain.rows.length === ROWS)
        chains.push((chain = { trace_id: traceId, from: event.seq, rows: [] }));
      const { id, actor, scope, provenance, prev_hash, hash } = row;
      chain.rows.push([id, actor, scope, { ...provenance }, prev_hash, hash]);
      counts.events++;
    }
  }
  for (const rows of chains) await line(JSON.stringify({ rows }));
  const parts = new Map<Digest, Uint8Array>();
  for (const { name, component, files } of agents) {
    const digests = [...files].map(([path, bytes]) => {
      const digest = blake3(bytes);
      parts.set(digest, bytes);
      return [path, digest] as const;
    });
    const agent: AgentLine = { name, component, files: Object.fromEntries(digests) };
    await line(JSON.stringify({ agent }));
    counts.agents++;
  }
  for (const digest of [...new Set([...named, ...parts.keys()])].sort()) {
    const part = parts.get(digest);
    const { bytes, mediaType } = part ? { bytes: part, mediaType: "application/octet-stream" } : blob(digest);
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    await line(JSON.stringify({ blob: digest, media_type: mediaType, base64 }));
    counts.blobs++;
  }
}

/** One event as it stands on standard output. */
function eventLine(event: RunEvent): string {
  const line = JSON.stringify(event);
  if (Buffer.byteLength(line) > LINE_BYTES)
    throw new DataError("DATA_TOO_LARGE", `event ${event.seq} is longer than ${LINE_BYTES} bytes`);
  return line;
}
