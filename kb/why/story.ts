/** The chain in short: which run, which node, from what, approved by whom. The events behind it say it in full. */
import type { LedgerRow } from "../ledger/row.js";
import { describe } from "./describe.js";

export interface StoryLine {
  readonly what: "made" | "run" | "given" | "documents" | "people" | "decided" | "sent";
  /** A person's words; one line each. */
  readonly lines: readonly string[];
}

const MOST = 8;

/** `own` are the rows about the entity itself, `rows` all that are behind it, oldest first. */
export function story(own: readonly LedgerRow[], rows: readonly LedgerRow[]): readonly StoryLine[] {
  const of = <K extends LedgerRow["kind"]>(kind: K): readonly LedgerRow<K>[] =>
    rows.filter((row): row is LedgerRow<K> & LedgerRow => row.kind === kind) as unknown as readonly LedgerRow<K>[];
  const named = own.flatMap((row) => (row.payload.meta as { readonly node?: string }).node ?? row.provenance.node ?? []);
  // What was sent says no node: those that proposed it do.
  const nodes = new Set<string>(named.length > 0 ? named : of("action.proposed").map(({ payload }) => payload.meta.node));
  const makers = of("node.started").filter(({ payload }) => nodes.has(payload.meta.node));
  const given = of("edge.delivered").filter(({ payload }) => nodes.has(payload.meta.to.split(".", 1)[0]!));
  const lines: StoryLine[] = [
    {
      what: "made",
      lines: makers.map(({ payload: { meta } }) => `by ${meta.agent} in the node ${meta.node}, attempt ${meta.attempt}`),
    },
    { what: "run", lines: of("run.started").map(describe) },
    { what: "given", lines: given.map(describe) },
    { what: "documents", lines: [...of("document.ingested"), ...of("note.added")].map((row) => describe(row)) },
    { what: "people", lines: of("contact.upserted").map(describe) },
    { what: "decided", lines: of("action.decided").map(describe) },
    { what: "sent", lines: of("email.sent").map(describe) },
  ];
  return lines
    .filter(({ lines }) => lines.length > 0)
    .map(({ what, lines }) => {
      const once = [...new Set(lines)];
      return { what, lines: once.length > MOST ? [...once.slice(0, MOST), `and ${once.length - MOST} more`] : once };
    });
}
