/** Damage is what checking is there to find: it becomes a problem of the report, while a lock or a missing file is an error. */
import { guarded, KbError } from "../../errors.js";
import type { Db } from "../../files.js";

/** Gives what `action` gives; where it meets damage, tells `found` and gives undefined. */
export function orDamage<T>(db: Pick<Db, "name">, found: (what: string) => void, action: () => T): T | undefined {
  try {
    return guarded(db.name, "read the ledger", action);
  } catch (cause) {
    if (!(cause instanceof KbError) || !["KB_CORRUPT", "KB_IO"].includes(cause.code)) throw cause;
    found(cause.message);
    return undefined;
  }
}
