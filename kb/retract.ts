/**
 * Retention: what shall no longer be found is retracted by an event, and put into a file first where that is wanted. Nothing is deleted:
 * reads as of an earlier row still have it, a run that cited it replays, and `rlp kb forget` is what destroys.
 */
import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isDigest, type Digest } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { contactKey, parseCitation } from "./documents/keys.js";
import { guarded, KbError } from "./errors.js";
import type { Kb } from "./kb.js";
import type { CurrentRecord } from "./views/current.js";

export type Retracting = {
  readonly reason?: string;
  /** A new file that gets each of them as a line of JSON before anything is retracted. */
  readonly archive?: string;
  /** Only says what would be retracted. */
  readonly dryRun?: boolean;
} & (
  | { /** `contact:…`, an address, `document:…`, a digest or a citation. */ readonly entity: string }
  | {
      /** All documents and notes that came before this, in milliseconds since the epoch … */
      readonly before: number;
      /** … in this domain. */
      readonly domain?: string;
    }
);

export interface Retracted {
  readonly documents: readonly { readonly digest: Digest; readonly uri: string; readonly title: string }[];
  readonly contacts: readonly { readonly name: string; readonly email: string }[];
  /** The first and the last row that say so; null where nothing was written. */
  readonly events: { readonly first: number; readonly last: number } | null;
  readonly archive: string | null;
}

const BATCH = 500;

/** `KB_NOT_FOUND` where an entity is named and it is not there now; `KB_EXISTS` where the archive's file is there already. */
export async function retract(kb: Kb, retracting: Retracting): Promise<Retracted> {
  const watermark = await kb.views.catchUp();
  const found =
    "entity" in retracting
      ? named(kb, retracting.entity)
      : kb.views.current({
          before: firstSince(kb, retracting.before, watermark),
          ...(retracting.domain !== undefined && { domain: retracting.domain }),
        });
  const documents = found.flatMap((each) => (each.kind === "contact" ? [] : [each]));
  const contacts = found.flatMap((each) => (each.kind === "contact" ? [each] : []));
  const drafts = [
    // The same bytes under two names go together.
    ...[...new Set(documents.map(({ digest }) => digest))].map((digest) => documentDraft(digest, retracting.reason)),
    ...contacts.map(({ email }) => contactDraft(email, retracting.reason)),
  ];
  const write = drafts.length > 0 && retracting.dryRun !== true;
  if (write && retracting.archive !== undefined) archive(kb, found, retracting.archive);
  const events = write ? await append(kb, drafts) : null;
  return {
    documents: documents.map(({ digest, uri, title }) => ({ digest, uri, title })),
    contacts: contacts.map(({ name, email }) => ({ name, email })),
    events,
    archive: write ? (retracting.archive ?? null) : null,
  };
}

async function append(kb: Kb, drafts: readonly EventDraft[]): Promise<Retracted["events"]> {
  const ids: number[] = [];
  for (let first = 0; first < drafts.length; first += BATCH) {
    const rows = await kb.ledger.append({ trace: null, drafts: drafts.slice(first, first + BATCH) });
    ids.push(rows[0]!.id, rows.at(-1)!.id);
  }
  await kb.views.catchUp();
  return { first: ids[0]!, last: ids.at(-1)! };
}

function named(kb: Kb, given: string): readonly CurrentRecord[] {
  const digest = parseCitation(given.replace(/^document:/, ""))?.digest ?? given.replace(/^document:/, "");
  const found = isDigest(digest)
    ? kb.views.current({ digest })
    : kb.views.current({ contact: given.startsWith("contact:") ? given : contactKey(given) });
  if (found.length > 0) return found;
  throw new KbError("KB_NOT_FOUND", `there is nothing to retract of \`${given.slice(0, 120)}\``, {
    hint: "`contact:…`, an address, `document:…`, a digest or a citation of what is there now; `rlp kb search` finds documents",
  });
}

/** Times never go back from row to row: the first one that is not before `ms`. */
function firstSince(kb: Kb, ms: number, last: number): number {
  let [low, high] = [1, last + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (kb.ledger.row(middle)!.ts_ms < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

// What stands in the clear of a row says nothing of what it is about.
const documentDraft = (digest: Digest, reason: string | undefined): EventDraft<"document.retracted"> => ({
  kind: "document.retracted",
  level: "info",
  message: "a document was retracted",
  meta: { digest, ...(reason !== undefined && { reason }) },
  actor: "user",
  scope: "user",
});
const contactDraft = (email: string, reason: string | undefined): EventDraft<"contact.retracted"> => ({
  kind: "contact.retracted",
  level: "info",
  message: `contact <${email}> was retracted`,
  meta: { email, ...(reason !== undefined && { reason }) },
  actor: "user",
  scope: "user",
});

/** Durable before it returns. */
function archive(kb: Kb, records: readonly CurrentRecord[], file: string): void {
  guarded(file, "write the archive", () => {
    const descriptor = openNew(file);
    try {
      for (const record of records) writeFileSync(descriptor, `${JSON.stringify(lineOf(kb, record))}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    const folder = openSync(dirname(resolve(file)), "r");
    fsyncSync(folder);
    closeSync(folder);
  });
}

function openNew(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new KbError("KB_EXISTS", `${file} is there already; nothing was retracted`, {
      place: { file },
      hint: "name another file: an archive is never written over",
    });
  }
}

function lineOf(kb: Kb, record: CurrentRecord): object {
  const row = kb.ledger.row(record.event);
  const common = { ...record, ts_ms: row?.ts_ms ?? null };
  if (record.kind === "contact") return common;
  const text = row?.kind === "note.added" ? row.payload.meta.text : textOf(kb, record.digest);
  return { ...common, text };
}

function textOf(kb: Kb, digest: Digest): string {
  const blob = kb.ledger.blob(digest);
  if (blob) return new TextDecoder().decode(blob.bytes);
  throw new KbError("KB_CORRUPT", `the bytes of the document ${digest} are missing from the ledger`, {
    hint: "`rlp kb verify` names everything that is damaged",
  });
}
