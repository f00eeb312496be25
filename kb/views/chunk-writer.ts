/** How a chunk enters the views: its row, its text, its length and the full-text index. */
import type { Db } from "../files.js";
import { lengthWriter } from "../search/lengths.js";
import { indexLine, spaceOf } from "../search/tokens.js";
import { DOMAIN_ROWS } from "./schema.js";

export interface NewChunk {
  readonly document: number;
  readonly chunk: number;
  readonly title: string;
  readonly heading: string;
  readonly text: string;
  readonly kind: string;
  readonly domain: string;
  readonly maker: string;
  readonly tsMs: number;
  readonly fromId: number;
  /** Row of the event by which it counts as confirmed. */
  readonly confirmedId: number | null;
}

export interface ChunkWriter {
  add(chunk: NewChunk): void;
  /** Completes what was added, in the same transaction. */
  flush(): void;
}

export function chunkWriter(db: Db): ChunkWriter {
  const place = db.prepare<[string], { id: number; chunks: number }>(
    "INSERT INTO domains (name, chunks) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET chunks = chunks + 1 RETURNING id, chunks",
  );
  // Numbers above 2³¹ are bound as floating point: an index would keep them so.
  const insert = db.prepare(
    `INSERT INTO chunk_versions (row, document, chunk, kind, maker, ts_ms, confirmed_id, from_id)
     VALUES (CAST(:row AS INTEGER), :document, :chunk, :kind, :maker, CAST(:tsMs AS INTEGER), :confirmedId, :fromId)`,
  );
  const insertText = db.prepare("INSERT INTO chunk_texts VALUES (CAST(? AS INTEGER), ?, ?)");
  const index = db.prepare("INSERT INTO chunks_fts (rowid, head, body) VALUES (CAST(? AS INTEGER), ?, ?)");

  const lengths = lengthWriter(db);

  function add({ document, chunk, title, heading, text, kind, domain, maker, tsMs, fromId, confirmedId }: NewChunk): void {
    const { id, chunks } = place.get(domain)!;
    const row = id * DOMAIN_ROWS + chunks;
    const space = spaceOf(id);
    const head = indexLine(`${title}\n${heading}`, space);
    const body = indexLine(text, space);
    insert.run({ row, document, chunk, kind, maker, tsMs, confirmedId, fromId });
    insertText.run(row, heading, text);
    index.run(row, head.line, body.line);
    lengths.add(id, chunks, head.count + body.count);
  }
  return { add, flush: lengths.flush };
}
