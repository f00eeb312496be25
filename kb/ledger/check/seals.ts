/** Whether what is sealed can be opened, and what cannot be opened was forgotten. */
import { blake3 } from "#core/digest.js";
import type { Db } from "../../files.js";
import { unseal, type SealedPayload } from "../seal.js";

export class SealCheck {
  readonly #db: Db;
  readonly #key;
  readonly #blob;
  #forgotten: ReadonlySet<number> | undefined;

  constructor(db: Db) {
    this.#db = db;
    const sealed = (db.pragma("user_version", { simple: true }) as number) >= 2;
    this.#key = sealed ? db.prepare<[Uint8Array], Uint8Array>("SELECT key FROM seals WHERE blob = ?").pluck() : null;
    this.#blob = db.prepare<[Uint8Array], Uint8Array>("SELECT bytes FROM blobs WHERE hash = ?").pluck();
  }

  /** Rows whose content an `entity.forgotten` event names. Looked up where something is not there, which is seldom. */
  isForgotten(id: number): boolean {
    this.#forgotten ??= new Set(
      this.#db
        .prepare<[], number>(
          `SELECT value FROM events, json_each(payload_json, '$.meta.rows') WHERE kind = 'entity.forgotten' AND json_valid(payload_json)`,
        )
        .pluck()
        .all(),
    );
    return this.#forgotten.has(id);
  }

  /** What is wrong with a row's seal; null where nothing is. */
  check(id: number, { sealed }: SealedPayload): string | null {
    const digest = Buffer.from(sealed, "hex");
    const key = this.#key?.get(digest);
    if (!key)
      return this.isForgotten(id) ? null : "its content is sealed, the key is missing, and nothing says that it was forgotten";
    const bytes = this.#blob.get(digest);
    if (!bytes || blake3(bytes) !== sealed) return null; // told as a missing or altered blob
    try {
      unseal(bytes, key);
    } catch {
      return "its content is sealed, and the key does not open it";
    }
    return null;
  }
}
