/** Runs and rows that the tests of the knowledge base share. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { EventDraft } from "#core/events.js";
import { newOpeningId, newTraceId } from "#core/ids.js";
import { openKb, type Kb } from "#kb/kb.js";
import { openLedger, type Ledger, type LedgerOptions } from "#kb/ledger/ledger.js";
import type { RunRef } from "#kb/ledger/drafts.js";

/** A folder that is gone after the test. */
export function freshRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "rlp-kb-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

export async function freshLedger(options: Partial<LedgerOptions> = {}): Promise<Ledger> {
  const ledger = await openLedger({ root: freshRoot(), ...options });
  onTestFinished(() => ledger.close());
  return ledger;
}

export const newRun = (): RunRef => ({ traceId: newTraceId(), openingId: newOpeningId() });

export const log = (message: string, fields: Record<string, string | number> = {}): EventDraft<"log"> => ({
  kind: "log",
  level: "info",
  message,
  meta: { node: "draft" as never, attempt: 1, fields },
});

export const contact = (
  name: string,
  email: string,
  more: { org?: string; trust?: number } = {},
): EventDraft<"contact.upserted"> => ({
  kind: "contact.upserted",
  level: "info",
  message: `contact ${name}`,
  meta: { name, email, ...more },
  actor: "user",
  scope: "user",
});

export async function freshKb(options: Partial<LedgerOptions> = {}): Promise<Kb> {
  const kb = await openKb({ root: freshRoot(), ...options });
  onTestFinished(() => kb.close());
  return kb;
}

export const note = (text: string, title?: string): EventDraft<"note.added"> => ({
  kind: "note.added",
  level: "info",
  message: "note",
  meta: { text, ...(title !== undefined && { title }) },
  actor: "user",
  scope: "user",
});

/** Appends records and gives the ledger's watermark. */
export async function put(kb: Kb, ...drafts: EventDraft[]): Promise<number> {
  await kb.ledger.append({ trace: null, drafts });
  return kb.ledger.watermark();
}
