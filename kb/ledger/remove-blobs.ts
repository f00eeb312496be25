/** The one way in which anything leaves the ledger's file: blobs that nothing refers to, and those of what is forgotten. */
import type { Db } from "../files.js";
import { ledgerObjects } from "./schema.js";

/** In a transaction. The trigger that stands against slips is taken down and put up again in it. */
export function removeBlobs(db: Db, hashes: readonly Uint8Array[]): void {
  db.exec("DROP TRIGGER blobs_no_delete");
  const remove = db.prepare("DELETE FROM blobs WHERE hash = ?");
  for (const hash of hashes) remove.run(hash);
  db.exec(ledgerObjects.blobs_no_delete);
}
