/** What brings a ledger of an older schema up to date, one step a version. Rows are never touched: old events are read through upcasters. */
import { ledgerObjects } from "./schema.js";

/** By the version that a step starts from. */
export const migrations: Readonly<Record<number, readonly string[]>> = {
  1: [ledgerObjects.checkpoints, ledgerObjects.seals],
};
