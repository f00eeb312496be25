/** A run's journal over a real ledger: who is shown what, and what is durable. */
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import { proposalId } from "#core/ids.js";
import { LedgerJournal } from "#host/run/journal.js";
import { runLedger } from "#host/run/run-ledger.js";
import { freshLedger, log, newRun } from "../../kb/sample.js";

const messages = (events: Iterable<RunEvent>): readonly string[] => Array.from(events, ({ message }) => message);

test.each([true, false])(
  "what is written is durable, in order with what is appended, and shown to who listens (%s)",
  async (listens) => {
    const ledger = await freshLedger();
    const run = newRun();
    const shown: string[] = [];
    const onEvent = ({ message }: RunEvent): void => void shown.push(message);
    const journal = new LedgerJournal(runLedger(ledger), run, listens ? { onEvent } : {});
    const first = journal.keep("kept with what comes next");
    const written = journal.write([log("a"), log("b")], "soon");
    const appended = journal.append([log("c")]);
    const last = journal.write([log("d")]);
    expect(messages(await appended)).toEqual(["c"]);
    await Promise.all([written, last]);
    expect(messages(ledger.runEvents(run.traceId))).toEqual(["a", "b", "c", "d"]);
    expect(ledger.blob(first)?.bytes.toString()).toBe('"kept with what comes next"');
    expect(shown).toEqual(listens ? ["a", "b", "c", "d"] : []);

    // Of what others have written, too.
    await ledger.append({ trace: run, drafts: [log("from elsewhere")] });
    journal.catchUp();
    await journal.write([log("e")]);
    expect(shown).toEqual(listens ? ["a", "b", "c", "d", "from elsewhere", "e"] : []);
  },
);

test("a decision that comes second is none, appended or written; beside anything else it is an error", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const id = proposalId(blake3(run.traceId));
  const args_hash = blake3("args");
  const proposed = {
    node: "send",
    attempt: 1,
    call_seq: 0,
    proposal_id: id,
    action: "email.send",
    summary: { value: "" },
    args: { value: {} },
    args_hash,
    expires_at_ms: null,
  };
  const decided = (decision: string): RunEventDraft =>
    ({
      kind: "action.decided",
      level: "info",
      message: decision,
      meta: { proposal_id: id, args_hash, decision, by: "user" },
    }) as never;
  const journal = new LedgerJournal(runLedger(ledger), run);
  await journal.write([{ kind: "action.proposed", level: "info", message: "", meta: proposed } as never, decided("approved")]);
  await journal.write([decided("rejected")]);
  expect(await journal.append([decided("rejected")])).toMatchObject([{ meta: { decision: "approved" } }]);
  await expect(journal.write([log("x"), decided("rejected")])).rejects.toMatchObject({ code: "KB_DECIDED" });
  await expect(journal.write([{ ...log("y"), kind: "unknown" } as never])).rejects.toMatchObject({
    code: "KB_EVENT_INVALID",
  });
  expect(messages(ledger.runEvents(run.traceId))).toEqual(["", "approved"]);
});
