/** `rlp kb why`: the ordered events behind an entity, and what led to each. */
import type { EventKind } from "#core/events.js";
import { nodeKey, runKey } from "../documents/keys.js";
import type { Kb } from "../kb.js";
import type { LedgerRow } from "../ledger/row.js";
import { causeFinder } from "./causes.js";
import { describe } from "./describe.js";
import { findSubject, type Subject } from "./subject.js";
import { story, type StoryLine } from "./story.js";

export interface WhyEvent {
  readonly id: number;
  readonly tsMs: number;
  readonly kind: EventKind;
  readonly actor: string;
  readonly traceId: string | null;
  readonly seq: number | null;
  /** In words. */
  readonly what: string;
  /** Ids of the events that led to this one; all of them are in the list, unless {@link Why.truncated}. */
  readonly causes: readonly number[];
  /** Whether it is about the entity itself, and not only behind it. */
  readonly own: boolean;
}

export interface Why {
  /** The whole key of what was asked for. */
  readonly entity: string;
  /** The same in short. */
  readonly story: readonly StoryLine[];
  /** Oldest first: causes stand before what they led to. */
  readonly events: readonly WhyEvent[];
  /** More than {@link MAX_EVENTS} events are behind it; the nearest are listed. */
  readonly truncated: boolean;
}

export const MAX_EVENTS = 500;

/**
 * Accepts what {@link findSubject} does. Walks back from the entity's own events: an artifact to the attempt that made it, the
 * values that came in, the calls it made and what they found, who approved, and the documents and contacts behind it all.
 */
export function why(kb: Kb, text: string): Why {
  const subject = findSubject(kb, text);
  const own = ownRows(kb, subject);
  const causes = causeFinder(kb);
  const seen = new Map(own.map((row) => [row.id, { row, causes: [] as readonly number[] }]));
  let truncated = false;
  for (const queue = [...own]; queue.length > 0;) {
    const row = queue.shift()!;
    const led = causes(row);
    seen.set(row.id, { row, causes: led.map((cause) => cause.id) });
    for (const cause of led) {
      if (seen.has(cause.id)) continue;
      if (seen.size >= MAX_EVENTS) truncated = true;
      else {
        seen.set(cause.id, { row: cause, causes: [] });
        queue.push(cause);
      }
    }
  }
  const mine = new Set(own.map((row) => row.id));
  const events = [...seen.values()]
    .sort((a, b) => a.row.id - b.row.id)
    .map(({ row, causes: led }): WhyEvent => {
      const { id, ts_ms, kind, actor, trace_id, seq } = row;
      return { id, tsMs: ts_ms, kind, actor, traceId: trace_id, seq, what: describe(row), causes: led, own: mine.has(id) };
    });
  const rows = [...seen.values()].map(({ row }) => row).sort((a, b) => a.id - b.id);
  return { entity: keyOf(subject), story: story(own, rows), events, truncated };
}

const keyOf = (subject: Subject): string => {
  switch (subject.kind) {
    case "entity":
      return subject.key;
    case "run":
      return runKey(subject.traceId);
    case "node":
      return nodeKey(subject.traceId, subject.node);
    case "proposal":
      return subject.id;
    case "event":
      return `event:${subject.id}`;
  }
};

function ownRows(kb: Kb, subject: Subject): readonly LedgerRow[] {
  const ids = subject.kind === "event" ? [subject.id] : kb.views.history(keyOf(subject));
  return ids.flatMap((id) => kb.ledger.row(id) ?? []);
}

/** The chain for reading: one line an event, `*` before the entity's own, causes as `← ids` at the end. */
export function whyText({ entity, events, truncated }: Why): string {
  const width = String(events.at(-1)?.id ?? 0).length;
  const lines = events.map(({ id, tsMs, kind, what, causes, own }) => {
    const led = causes.length > 0 ? `  ← ${causes.join(", ")}` : "";
    return `${own ? "*" : " "} ${String(id).padStart(width)}  ${new Date(tsMs).toISOString()}  ${kind.padEnd(17)}  ${what}${led}`;
  });
  const more = truncated ? [`  … only the nearest ${MAX_EVENTS} events are shown`] : [];
  return [entity, ...lines, ...more].join("\n");
}
