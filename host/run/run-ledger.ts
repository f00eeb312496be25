/** The knowledge base's ledger as runs use it. */
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { rowToRunEvent, writtenEvent } from "#kb/ledger/row.js";
import type { RunLedger } from "./ledger.js";

export function runLedger(ledger: Ledger): RunLedger {
  return {
    runEvents: (traceId, fromSeq) => ledger.runEvents(traceId, fromSeq),
    blob(digest) {
      const found = ledger.blob(digest);
      if (!found)
        throw new KbError("KB_CORRUPT", `the ledger does not hold the blob ${digest}`, {
          place: { file: ledger.file },
          hint: "`rlp kb verify` names everything that is damaged",
        });
      return found.bytes;
    },
    async append(trace, drafts, blobs, haste = "now") {
      try {
        const rows = await ledger.append({ trace, drafts, blobs, haste });
        return rows.map((row, index) => writtenEvent(row, drafts[index]!, trace.openingId));
      } catch (error) {
        // Somebody else was quicker: the decision that stands is the one that counts.
        const [only, ...more] = drafts;
        if (!(error instanceof KbError) || error.code !== "KB_DECIDED" || only?.kind !== "action.decided" || more.length > 0)
          throw error;
        const standing = ledger.proposalRows(only.meta.proposal_id).filter((row) => row.kind === "action.decided");
        return standing.map(rowToRunEvent);
      }
    },
  };
}
