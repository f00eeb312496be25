/**
 * Takes a ledger that was exported into a home that has none. Every line is checked as it comes, into a file of its own; that file is
 * verified as a whole, and only then becomes the ledger.
 */
import { existsSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { blake3 } from "#core/digest.js";
import { RlpError } from "#core/errors.js";
import { checkMeta } from "#core/events.js";
import { canonicalJson, parseJson, type Json, type JsonLimits } from "#core/json.js";
import { broken, sync } from "../backup.js";
import { guarded, KbError } from "../errors.js";
import { makeRoot, openReadWrite, type Db } from "../files.js";
import type { AcceptedKey } from "../ledger/check/signatures.js";
import { openLedger, type LedgerAnchor } from "../ledger/ledger.js";
import { SEALED_KINDS, unseal } from "../ledger/seal.js";
import { GENESIS } from "../ledger/row.js";
import { rowHash } from "../ledger/row-hash.js";
import { LEDGER_FILE, LEDGER_SCHEMA, ledgerKind } from "../ledger/schema.js";
import { verifyLedger, type VerifyReport } from "../ledger/verify.js";
import {
  blobLine,
  checkpointLine,
  endLine,
  headerLine,
  MOST_OF_A_LINE,
  MOST_OF_A_ROW,
  rowLine,
  sealLine,
  storedPayload,
  type RowLine,
} from "./format.js";
import { linesOf } from "./lines.js";

export interface ImportOptions {
  readonly root: string;
  readonly chunks: AsyncIterable<Uint8Array | string>;
  /** What the input is called in errors. */
  readonly name: string;
  readonly keys?: readonly AcceptedKey[];
  readonly anchor?: LedgerAnchor;
}

/** Lines that are synced together. */
const BATCH = 5000;
const LIMITS: JsonLimits = { bytes: MOST_OF_A_LINE, depth: 128, elements: 2_000_000 };

/** Throws `KB_IMPORT` with the line of what does not fit, and `KB_EXISTS` where there is a ledger; then nothing has changed. */
export async function importLedger({ root, chunks, name, keys, anchor }: ImportOptions): Promise<VerifyReport> {
  const home = resolve(root);
  const target = join(home, LEDGER_FILE);
  refuseExisting(target);
  makeRoot(home);
  const partial = join(home, `.import.${process.pid}.partial`);
  guarded(partial, "make room for the import", () => {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
  });
  try {
    const db = openReadWrite(join(partial, LEDGER_FILE), ledgerKind);
    try {
      await new Intake(db, name).takeAll(chunks);
      db.pragma("journal_mode = DELETE");
    } finally {
      db.close();
    }
    const report = await verifyLedger({ root: partial, ...(keys && { keys }) });
    if (!report.ok) throw broken(name, report);
    guarded(target, "put the ledger in its place", () => {
      sync(join(partial, LEDGER_FILE));
      // A link and no rename: it fails where somebody else has made a ledger meanwhile.
      linkSync(join(partial, LEDGER_FILE), target);
      sync(home);
    });
    await note(home, report, anchor);
    return report;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") refuseExisting(target);
    throw cause;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function refuseExisting(target: string): void {
  if (existsSync(target))
    throw new KbError("KB_EXISTS", "there is a ledger already", {
      place: { file: target },
      hint: "a chain cannot be joined to another: import into another home (`--home`)",
    });
}

async function note(root: string, { last, head }: VerifyReport, anchor: LedgerAnchor | undefined): Promise<void> {
  if (anchor) rmSync(anchor.headFile, { force: true });
  const ledger = await openLedger({ root, ...(anchor && { anchor }) });
  try {
    const message = `a ledger of ${last} rows was imported`;
    await ledger.append({ trace: null, drafts: [{ kind: "ledger.imported", level: "info", message, meta: { last, head } }] });
  } finally {
    await ledger.close();
  }
}

class Intake {
  readonly #db: Db;
  readonly #name: string;
  readonly #row;
  readonly #blob;
  readonly #seal;
  readonly #checkpoint;
  #last = 0;
  #hash: Uint8Array = GENESIS;
  #blobs = 0;
  #line = 0;
  #ended = false;

  constructor(db: Db, name: string) {
    this.#db = db;
    this.#name = name;
    this.#row = db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#blob = db.prepare("INSERT INTO blobs VALUES (?, ?, ?)");
    this.#seal = db.prepare("INSERT INTO seals VALUES (?, ?)");
    this.#checkpoint = db.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)");
  }

  async takeAll(chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
    const tooLong = (line: number): never => {
      throw this.#refusal("it is longer than any line of a ledger", line);
    };
    let count = 0;
    this.#db.exec("BEGIN");
    for await (const { text, line } of linesOf(chunks, MOST_OF_A_LINE, tooLong)) {
      this.#line = line;
      this.#take(text, count === 0);
      if (++count % BATCH === 0) this.#db.exec("COMMIT; BEGIN");
    }
    if (!this.#ended) throw this.#refusal(count === 0 ? "there is nothing in it" : "it was cut off: its last line is missing");
    if (this.#last > 0) this.#db.prepare("INSERT INTO head VALUES (1, ?, ?)").run(this.#last, this.#hash);
    this.#db.exec("COMMIT");
  }

  #refusal(what: string, line = this.#line, cause?: unknown): KbError {
    return new KbError("KB_IMPORT", what, {
      place: { file: this.#name, line: Math.max(1, line) },
      hint: "a file of `rlp kb export` is needed, as it was written",
      cause,
    });
  }

  #take(text: string, first: boolean): void {
    try {
      const value = parseJson(text, LIMITS);
      const has = (member: string): boolean => typeof value === "object" && value !== null && Object.hasOwn(value, member);
      if (this.#ended) throw this.#refusal("there is something behind the last line");
      if (first) return this.#header(headerLine.parse(value).schema);
      if (has("blob")) return this.#takeBlob(value);
      if (text.length > MOST_OF_A_ROW) throw this.#refusal("it is longer than a row may be");
      if (has("seal")) return this.#takeSeal(value);
      if (has("checkpoint")) return this.#takeCheckpoint(value);
      if (has("end")) return this.#end(endLine.parse(value).end);
      this.#takeRow(rowLine.parse(value));
    } catch (cause) {
      throw this.#explained(cause);
    }
  }

  #explained(cause: unknown): unknown {
    if (cause instanceof KbError) return cause;
    if (cause instanceof z.ZodError) {
      const [issue] = cause.issues;
      return this.#refusal(`${issue?.message ?? "it does not fit"} at /${(issue?.path ?? []).join("/")}`, this.#line, cause);
    }
    if (cause instanceof RlpError) return this.#refusal(cause.message, this.#line, cause);
    // Two rows with one `seq` of a run, or the same blob twice.
    if (String((cause as NodeJS.ErrnoException).code).startsWith("SQLITE_CONSTRAINT"))
      return this.#refusal("it stands there twice", this.#line, cause);
    return cause;
  }

  #header(schema: number): void {
    if (schema > LEDGER_SCHEMA) throw this.#refusal(`it was written by a newer rlp (schema ${schema})`);
  }

  #takeRow(row: RowLine): void {
    const { id, ts_ms, trace_id, seq, actor, kind, scope, prev_hash, hash } = row;
    if (id !== this.#last + 1) throw this.#refusal(`row ${id} stands where row ${this.#last + 1} is due`);
    if (prev_hash !== Buffer.from(this.#hash).toString("hex")) throw this.#refusal(`row ${id} does not follow the row before it`);
    const [payload, provenance] = [canonicalJson(row.payload), canonicalJson(row.provenance)];
    const found = rowHash(this.#hash, id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance);
    if (Buffer.from(found).toString("hex") !== hash)
      throw this.#refusal(`row ${id} was altered: it has another hash than it says`);
    const stored = storedPayload.parse(row.payload);
    if ("sealed" in stored && !SEALED_KINDS.includes(kind)) throw this.#refusal(`\`${kind}\` is never sealed`);
    // What is sealed is looked at when its key has come.
    if ("meta" in stored) checkMeta(kind, stored.meta);
    this.#row.run(id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance, this.#hash, found);
    this.#last = id;
    this.#hash = found;
  }

  #takeBlob(value: Json): void {
    const { blob, media_type, base64 } = blobLine.parse(value);
    const bytes = Buffer.from(base64, "base64");
    if (blake3(bytes) !== blob) throw this.#refusal(`the blob ${blob} holds other bytes than its digest says`);
    this.#blob.run(Buffer.from(blob, "hex"), bytes, media_type);
    this.#blobs++;
  }

  #takeSeal(value: Json): void {
    const { seal, key } = sealLine.parse(value);
    this.#seal.run(Buffer.from(seal, "hex"), Buffer.from(key, "base64"));
  }

  #takeCheckpoint(value: Json): void {
    const { checkpoint, ts_ms, hash, previous, key, signature } = checkpointLine.parse(value);
    const bytes = Buffer.from(signature, "base64");
    this.#checkpoint.run(checkpoint, ts_ms, Buffer.from(hash, "hex"), Buffer.from(previous, "hex"), key, bytes);
  }

  #end({ rows, blobs }: { readonly rows: number; readonly blobs: number }): void {
    if (rows !== this.#last || blobs !== this.#blobs)
      throw this.#refusal(`it ends after ${this.#last} rows and ${this.#blobs} blobs, where ${rows} and ${blobs} are due`);
    this.#checkSealed();
    this.#ended = true;
  }

  #checkSealed(): void {
    const rows = this.#db
      .prepare<[], [number, string, Uint8Array, Uint8Array]>(
        `SELECT e.id, e.kind, b.bytes, s.key FROM events e JOIN seals s ON s.blob = unhex(e.payload_json ->> '$.sealed')
         JOIN blobs b ON b.hash = s.blob WHERE e.payload_json ->> '$.v' = 2 ORDER BY e.id`,
      )
      .raw();
    for (const [id, kind, bytes, key] of rows.iterate()) {
      try {
        checkMeta(kind, unseal(bytes, key).meta);
      } catch (cause) {
        throw this.#refusal(`row ${id}: ${cause instanceof Error ? cause.message : String(cause)}`, this.#line, cause);
      }
    }
  }
}
