/** Writes a whole ledger as lines, from one moment of it, without ever holding more than a row or a blob. */
import { join, resolve } from "node:path";
import { guarded, KbError } from "../errors.js";
import { openReadOnly } from "../files.js";
import { CHECKPOINT_COLUMNS, type CheckpointColumns } from "../ledger/checkpoint.js";
import { COLUMNS, type RowColumns } from "../ledger/row.js";
import { LEDGER_FILE, ledgerKind } from "../ledger/schema.js";
import { BLOB_BYTES, FORMAT } from "./format.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Lines without their line feeds. Throws `KB_CORRUPT` and the like in the middle where the file is damaged. */
export function* exportLedger(root: string): Generator<string> {
  const file = join(resolve(root), LEDGER_FILE);
  const db = openReadOnly(file, ledgerKind);
  const read = <T>(action: () => T): T => guarded(file, "read the ledger", action);
  try {
    // One moment, whoever writes meanwhile.
    db.exec("BEGIN");
    const schema = read(() => db.pragma("user_version", { simple: true })) as number;
    const rows = read(() => db.prepare<[], number>("SELECT count(*) FROM events").pluck().get()!);
    const [last, head] = read(() =>
      db.prepare<[], [number, Uint8Array]>("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").raw().get(),
    ) ?? [0, new Uint8Array(32)];
    yield JSON.stringify({ format: FORMAT, schema, rows, last, head: hex(head) });
    const row = db.prepare<[number], RowColumns>(`SELECT ${COLUMNS} FROM events WHERE id > ? ORDER BY id LIMIT 1`).raw();
    for (let id = 0; ;) {
      const columns = read(() => row.get(id));
      if (!columns) break;
      id = columns[0];
      yield rowText(columns);
    }
    const blob = db
      .prepare<[number], [number, Uint8Array, string, Uint8Array]>(
        "SELECT rowid, hash, media_type, bytes FROM blobs WHERE rowid > ? ORDER BY rowid LIMIT 1",
      )
      .raw();
    let blobs = 0;
    for (let rowid = 0; ; blobs++) {
      const found = read(() => blob.get(rowid));
      if (!found) break;
      const [at, hash, mediaType, bytes] = found;
      rowid = at;
      if (bytes.length > BLOB_BYTES)
        throw new KbError("KB_FULL", `the blob ${hex(hash)} has more than ${BLOB_BYTES} bytes`, {
          place: { file },
          hint: "`rlp kb backup` copies blobs of any size",
        });
      yield JSON.stringify({ blob: hex(hash), media_type: mediaType, base64: base64(bytes) });
    }
    if (schema >= 2) {
      const seals = read(() => db.prepare<[], [Uint8Array, Uint8Array]>("SELECT blob, key FROM seals ORDER BY blob").raw().all());
      for (const [seal, key] of seals) yield JSON.stringify({ seal: hex(seal), key: base64(key) });
      const checkpoints = db.prepare<[], CheckpointColumns>(`SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints ORDER BY id`).raw();
      for (const [checkpoint, tsMs, hash, previous, key, signature] of read(() => checkpoints.all()))
        yield JSON.stringify({
          checkpoint,
          ts_ms: tsMs,
          hash: hex(hash),
          previous: hex(previous),
          key,
          signature: base64(signature),
        });
    }
    yield JSON.stringify({ end: { rows, blobs } });
  } finally {
    db.close();
  }
}

function rowText([id, tsMs, traceId, seq, actor, kind, scope, payload, provenance, prevHash, hash]: RowColumns): string {
  const before = JSON.stringify({ id, ts_ms: tsMs, trace_id: traceId, seq, actor, kind, scope });
  return `${before.slice(0, -1)},"payload":${payload},"provenance":${provenance},"prev_hash":"${hex(prevHash)}","hash":"${hex(hash)}"}`;
}
