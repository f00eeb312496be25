/**
 * What holds the ledger from outside while it is written: checkpoints in the transaction of the rows that they sign, and the head's note
 * after it. Lives in the writer thread.
 */
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import {
  CHECKPOINT_COLUMNS,
  CHECKPOINT_ROWS,
  checkpointDigest,
  NO_CHECKPOINT,
  signCheckpoint,
  storedCheckpoint,
  type CheckpointColumns,
  type LedgerSigner,
} from "./checkpoint.js";
import { OutsideHead, readOutsideHead } from "./outside-head.js";

export interface AnchorOptions {
  /** Where the last row is noted: not beside the database. */
  readonly headFile: string;
  /** Null: nothing is signed. */
  readonly signer: LedgerSigner | null;
}

export interface Tail {
  readonly id: number;
  readonly tsMs: number;
  readonly hash: Uint8Array;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export class Anchor {
  readonly #db: Db;
  readonly #head: OutsideHead;
  readonly #signer: LedgerSigner | null;
  readonly #last;
  readonly #insert;
  readonly #tail;
  #written: Tail | undefined;
  /** The last row that is known to be signed. */
  #signed = 0;

  /** Throws `KB_BROKEN_CHAIN` where the ledger does not hold the row that was noted last. */
  constructor(db: Db, { headFile, signer }: AnchorOptions) {
    this.#db = db;
    this.#signer = signer;
    this.#head = new OutsideHead(headFile);
    this.#last = db
      .prepare<[], CheckpointColumns>(`SELECT ${CHECKPOINT_COLUMNS} FROM checkpoints ORDER BY id DESC LIMIT 1`)
      .raw();
    this.#insert = db.prepare(`INSERT INTO checkpoints (${CHECKPOINT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`);
    this.#tail = db
      .prepare<[], [number, number, Uint8Array]>("SELECT id, ts_ms, hash FROM events ORDER BY id DESC LIMIT 1")
      .raw();
    this.#checkNote(headFile);
    this.#signed = this.#last.get()?.[0] ?? 0;
  }

  #checkNote(headFile: string): void {
    const noted = readOutsideHead(headFile);
    if (noted === null || noted === "unreadable") return;
    const hash = this.#db.prepare<[number], Uint8Array>("SELECT hash FROM events WHERE id = ?").pluck().get(noted.id);
    if (hash && hex(hash) === noted.hash) return;
    const end = this.#tail.get()?.[0] ?? 0;
    throw new KbError(
      "KB_BROKEN_CHAIN",
      end < noted.id
        ? `the ledger ends with row ${end}, but row ${noted.id} was written: its end was cut off, or an old copy was put in its place`
        : `row ${noted.id} of the ledger is another than the one that was written`,
      {
        place: { file: this.#db.name },
        hint: `\`rlp kb verify\` says more, \`rlp kb restore\` puts a backup back. If you put this ledger here on purpose, remove ${headFile}`,
      },
    );
  }

  /** In the transaction that made `tail` the last row. */
  wrote(tail: Tail, runEnded: boolean): void {
    this.#written = { ...tail };
    if (!this.#signer || !(runEnded || tail.id - this.#signed >= CHECKPOINT_ROWS)) return;
    const columns = this.#last.get();
    const before = columns && storedCheckpoint(columns);
    // Another process may have been here meanwhile.
    this.#signed = before?.id ?? 0;
    if (tail.id <= this.#signed || !(runEnded || tail.id - this.#signed >= CHECKPOINT_ROWS)) return;
    const previous = before ? checkpointDigest(before) : NO_CHECKPOINT;
    const what = { id: tail.id, tsMs: tail.tsMs, hash: hex(tail.hash) as typeof previous, previous };
    const { key, signature } = signCheckpoint(what, this.#signer);
    this.#insert.run(tail.id, tail.tsMs, tail.hash, Buffer.from(previous, "hex"), key, signature);
    this.#signed = tail.id;
  }

  /** After the transaction. */
  committed(): void {
    if (this.#written) this.#head.write({ id: this.#written.id, hash: hex(this.#written.hash) });
  }

  /** Signs what this process wrote since the last checkpoint. */
  close(): void {
    if (this.#signer && this.#written && this.#written.id > this.#signed)
      this.#db
        .transaction(() => {
          const [id, tsMs, hash] = this.#tail.get()!;
          this.wrote({ id, tsMs, hash }, true);
        })
        .immediate();
    this.#head.close();
  }
}
