/** The knowledge base's ledger as runs use it. */
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { rowToRunEvent, writtenEvent } from "#kb/ledger/row.js";
import type { MetaOf, RunEventDraft } from "#core/events.js";
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
        // The decision that stands is the one that counts.
        const { proposal_id } = decidedElsewhere(error, drafts);
        const standing = ledger.proposalRows(proposal_id).filter((row) => row.kind === "action.decided");
        return standing.map(rowToRunEvent);
      }
    },
    async write(trace, drafts, blobs, haste = "now") {
      try {
        await ledger.write({ trace, drafts, blobs, haste });
      } catch (error) {
        decidedElsewhere(error, drafts);
      }
    },
  };
}

/** The decision that was to be appended where somebody else was quicker; every other error is thrown again. */
function decidedElsewhere(error: unknown, [only, ...more]: readonly RunEventDraft[]): MetaOf<"action.decided"> {
  if (error instanceof KbError && error.code === "KB_DECIDED" && only?.kind === "action.decided" && more.length === 0)
    return only.meta;
  throw error;
}
