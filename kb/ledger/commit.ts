/** The transactions of the ledger: read the tail, place rows behind it, link the chain. Runs in the writer thread. */
import { blake3 } from "#core/digest.js";
import { KbError, toRecord } from "../errors.js";
import type { Db } from "../files.js";
import type { Outcome, PlacedAppend } from "./messages.js";
import { RUN_ENDS } from "./checkpoint.js";
import type { Anchor } from "./anchor.js";
import { inserter, unplaced, type PlacedRows } from "./insert.js";
import { formOf, payloadStart, type PackedRows } from "./packed.js";
import { removeBlobs } from "./remove-blobs.js";
import { GENESIS } from "./row.js";
import { recordHash } from "./row-hash.js";

interface Tail {
  id: number;
  tsMs: number;
  hash: Uint8Array;
}

type Besides = NonNullable<PlacedAppend["besides"]>;

/** The place behind an append's last row in its batch. */
const endOf = ({ from, count }: PlacedAppend): number => from + count;

/** Of so many runs the next `seq` is remembered from one transaction to the next. */
const REMEMBERED_RUNS = 4096;

/** Where the ledger ends. */
interface End {
  readonly tail: Tail;
  /** `data_version` of the connection, as read while nobody else could commit. */
  readonly version: number;
  /** Of runs that were written to. */
  readonly nextSeq: Map<string, number>;
}

/** A transaction that is open: where its rows go, and what is known of it already. */
interface Transaction extends End {
  readonly before: number;
  /** It holds a row with which something has come to its end. */
  ends: boolean;
}

export interface Committer {
  /**
   * Places a batch of appends, of which there is one at least, in the transaction that is open, or in a new one: all rows of one request or
   * none. A request that is refused by itself (a second decision, a blob that is not what its digest says) leaves the others alone;
   * whatever else fails takes back all since the last commit and is thrown. Nobody may be told of an outcome before `commit`.
   */
  place(requests: readonly PlacedAppend[], rows: PackedRows): readonly Outcome[];
  /** Makes what was placed durable; false where there is nothing. */
  commit(): boolean;
}

/** `anchor` signs what was written, in the same transaction. */
export function committer(db: Db, anchor: Anchor | null): Committer {
  const readTail = db
    .prepare<[], [number, number, Uint8Array]>("SELECT id, ts_ms, hash FROM events ORDER BY id DESC LIMIT 1")
    .raw();
  const readHead = db.prepare<[], [number, Uint8Array]>("SELECT id, hash FROM head").raw();
  const writeHead = db.prepare(
    "INSERT INTO head VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET id = excluded.id, hash = excluded.hash",
  );
  const readSeq = db.prepare<[string], number | null>("SELECT max(seq) FROM events WHERE trace_id = ?").pluck();
  const readDecision = db
    .prepare<[string], [number, string]>(
      `SELECT id, payload_json ->> '$.meta.decision' FROM events
       WHERE json_extract(payload_json, '$.meta.proposal_id') = ? AND kind = 'action.decided' LIMIT 1`,
    )
    .raw();
  const readEnd = db
    .prepare<[string], number>("SELECT id FROM events WHERE trace_id = ? AND kind = 'run.finished' LIMIT 1")
    .pluck();
  // It changes when another connection has committed something, and at no other time.
  const dataVersion = db.prepare<[], number>("PRAGMA data_version").pluck();
  const beginNow = db.prepare("BEGIN IMMEDIATE");
  const commitNow = db.prepare("COMMIT");
  const insert = inserter(db);
  const insertSeal = db.prepare("INSERT INTO seals VALUES (?, ?)");
  const removeSeal = db.prepare("DELETE FROM seals WHERE blob = ?");
  const insertBlob = db.prepare("INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT DO NOTHING");

  function tailOf(): Tail {
    const last = readTail.get();
    if (last && !(last[2] instanceof Uint8Array && last[2].length === 32))
      throw new KbError("KB_CORRUPT", `row ${last[0]} of the ledger cannot be read`, {
        place: { file: db.name },
        hint: "`rlp kb verify` says more",
      });
    const tail = last ? { id: last[0], tsMs: last[1], hash: last[2] } : { id: 0, tsMs: 0, hash: GENESIS };
    const head = readHead.get();
    if ((head?.[0] ?? 0) !== tail.id || (head && Buffer.compare(head[1], tail.hash) !== 0))
      throw new KbError("KB_BROKEN_CHAIN", `the ledger ends with row ${tail.id}, but row ${head?.[0] ?? 0} was written last`, {
        place: { file: db.name },
        hint: "rows were removed or added by hand; `rlp kb verify` says more. Nothing is appended to a broken chain",
      });
    return tail;
  }

  function refuse(request: PlacedAppend, rows: PackedRows): KbError | undefined {
    if (!request.besides) return undefined;
    const { blobs, decides } = request.besides;
    for (const { digest, bytes } of blobs)
      if (blake3(bytes) !== digest)
        return new KbError("KB_EVENT_INVALID", `the blob ${digest} holds other bytes than its digest says`);
    for (const proposal of decides) {
      const earlier = readDecision.get(proposal);
      if (earlier)
        return new KbError("KB_DECIDED", `${proposal} is ${earlier[1]} already (event ${earlier[0]})`, {
          hint: "a decision is made once",
        });
    }
    for (let row = request.from; decides.length > 0 && row < endOf(request); row++) {
      const [, kind, , traceId] = rows.forms[formOf(rows, row)]!;
      const end = kind === "action.decided" && traceId !== null ? readEnd.get(traceId) : undefined;
      if (end !== undefined)
        return new KbError("KB_DECIDED", `${traceId} has ended (event ${end}): nothing in it waits for a decision`, {
          hint: `\`rlp trace ${traceId}\` shows what became of it`,
        });
    }
    return undefined;
  }

  function forget({ seals, blobs }: NonNullable<Besides["forget"]>): void {
    // What is deleted from now on is overwritten in its place, too.
    db.pragma("secure_delete = ON");
    for (const digest of seals) removeSeal.run(Buffer.from(digest, "hex"));
    removeBlobs(
      db,
      blobs.map((digest) => Buffer.from(digest, "hex")),
    );
  }

  function placeBesides({ blobs, forget: forgotten, seals }: Besides): void {
    for (const { digest, bytes, mediaType } of blobs) insertBlob.run(Buffer.from(digest, "hex"), bytes, mediaType);
    if (forgotten) forget(forgotten);
    for (const { digest, key } of seals) insertSeal.run(Buffer.from(digest, "hex"), key);
  }

  function place(request: PlacedAppend, placed: PlacedRows, tail: Tail, nextSeq: Map<string, number>): Outcome {
    const { from, besides } = request;
    if (besides) placeBesides(besides);
    const { rows, records, seqs, times, hashes } = placed;
    const firstId = tail.id + 1;
    let firstSeq: number | null = null;
    tail.tsMs = Math.max(request.nowMs, tail.tsMs);
    hashes.set(tail.hash, 32 * from);
    for (let row = from; row < endOf(request); row++) {
      const form = formOf(rows, row);
      const [, , , traceId] = rows.forms[form]!;
      let seq: number | null = null;
      if (traceId !== null) {
        seq = nextSeq.get(traceId) ?? (readSeq.get(traceId) ?? -1) + 1;
        nextSeq.set(traceId, seq + 1);
        firstSeq ??= seq;
        seqs[row] = seq;
      }
      times[row] = tail.tsMs;
      const payload = rows.payloads.subarray(payloadStart(rows, row), payloadStart(rows, row + 1));
      tail.hash = recordHash(records[form]!, tail.hash, ++tail.id, tail.tsMs, seq, payload);
      hashes.set(tail.hash, 32 * (row + 1));
    }
    return [firstId, tail.tsMs, firstSeq, hashes.subarray(32 * from, 32 * (endOf(request) + 1))];
  }

  let open: Transaction | null = null;
  /** Where this connection's last commit has ended. */
  let left: End | null = null;

  /** All or nothing, since the last commit. */
  function whole<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      open = left = null;
      if (db.inTransaction) db.exec("ROLLBACK");
      throw cause;
    }
  }

  function begin(): Transaction {
    beginNow.run();
    const version = dataVersion.get()!;
    // Where nobody else has written, the ledger ends as we have left it.
    const { tail, nextSeq } = left?.version === version ? left : { tail: tailOf(), nextSeq: new Map<string, number>() };
    if (nextSeq.size > REMEMBERED_RUNS) nextSeq.clear();
    return { tail, version, nextSeq, before: tail.id, ends: false };
  }

  function placeAll(requests: readonly PlacedAppend[], rows: PackedRows): readonly Outcome[] {
    const { tail, nextSeq } = (open ??= begin());
    const placed = unplaced(rows);
    // Placed rows gather and go into the table together: before somebody looks for them there, and where one is refused.
    let gathered = requests[0]!.from;
    const store = (to: number): void => {
      insert(placed, gathered, to, tail.id - (to - gathered) + 1);
      gathered = to;
    };
    const outcomes = requests.map((request): Outcome => {
      if (request.besides && request.besides.decides.length > 0) store(request.from);
      const refusal = refuse(request, rows);
      if (!refusal) return place(request, placed, tail, nextSeq);
      store(request.from);
      gathered = endOf(request);
      return { error: toRecord(refusal) };
    });
    store(endOf(requests.at(-1)!));
    open.ends ||= rows.forms.some(([, kind]) => RUN_ENDS.includes(kind));
    return outcomes;
  }

  return {
    place: (requests, rows) => whole(() => placeAll(requests, rows)),
    commit: () =>
      whole(() => {
        if (!open) return false;
        const { tail, before, ends } = open;
        if (tail.id > before) {
          writeHead.run(tail.id, tail.hash);
          anchor?.wrote(tail, ends);
        }
        commitNow.run();
        left = open;
        open = null;
        return true;
      }),
  };
}
