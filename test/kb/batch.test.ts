/** Appends that share a commit: what one of them is, or that it is refused, changes nothing for the others. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { proposalId } from "#core/ids.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { contact, freshLedger, log, newRun } from "./sample.js";

const runs = [newRun(), newRun(), newRun()];
const text = fc.string({ unit: fc.constantFrom("a", "é", "🎈", '"', "\\", "\u2028", "\0", "%", "'"), maxLength: 40 });
const draft = fc.oneof(
  fc
    .tuple(text, fc.constantFrom("host", "agent:writer@1.0.0"), fc.constantFrom("system", "agent:writer"))
    .map(([message, actor, scope]): EventDraft => ({ ...log(message, { x: message }), actor, scope })),
  text.map((name): EventDraft => ({ ...contact(`n${name}`, "ann@example.com"), provenance: { rationale: name } })),
);
const wide = log("wide", { x: "y".repeat(20_000) });
const append = fc.record({
  run: fc.constantFrom(...runs),
  drafts: fc.array(fc.oneof({ arbitrary: draft, weight: 5 }, fc.constant(wide)), { maxLength: 12 }),
  lies: fc.boolean(),
  haste: fc.constantFrom("now", "soon"),
});

test("whatever is appended at once, what is answered stands in the ledger, what is refused does not, and the chain holds", async () => {
  const ledger = await freshLedger();
  await fc.assert(
    fc.asyncProperty(fc.array(append, { minLength: 1, maxLength: 8 }), async (batch) => {
      const before = ledger.watermark();
      const lie = { digest: blake3("other"), bytes: new Uint8Array(1), mediaType: "text/plain" };
      const outcomes = await Promise.allSettled(
        batch.map(({ run, drafts, lies, haste }) => ledger.append({ trace: run, drafts, haste, ...(lies && { blobs: [lie] }) })),
      );
      expect(outcomes.map(({ status }) => status === "rejected")).toEqual(batch.map(({ lies }) => lies));
      const answered = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
      expect(JSON.stringify(answered)).toBe(JSON.stringify(ledger.rows(before + 1, 1000)));
    }),
    { numRuns: 100 },
  );
  expect((await verifyLedger({ root: ledger.root })).problems).toEqual([]);
});

test("of two decisions in one batch the first holds, whatever stands around them", async () => {
  const ledger = await freshLedger();
  const [run] = runs;
  const proposal_id = proposalId(blake3("proposal"));
  const args_hash = blake3("args");
  const decided = (decision: "approved" | "rejected"): EventDraft<"action.decided"> => ({
    kind: "action.decided",
    level: "info",
    message: decision,
    meta: { proposal_id, args_hash, decision, by: "user" },
  });
  const outcomes = await Promise.allSettled([
    ledger.append({ trace: run!, drafts: [log("a"), decided("approved"), log("b")] }),
    ledger.append({ trace: run!, drafts: [log("lost"), decided("rejected"), log("lost")] }),
    ledger.append({ trace: run!, drafts: [log("c")] }),
  ]);
  expect(outcomes[1]).toMatchObject({ status: "rejected", reason: { code: "KB_DECIDED" } });
  expect(ledger.rows(1, 10).map(({ seq, payload }) => [seq, payload.message])).toEqual([
    [0, "a"],
    [1, "approved"],
    [2, "b"],
    [3, "c"],
  ]);
});
