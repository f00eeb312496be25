/** Where a hit comes from, in one step: the event that brought it, and for what a run made, the node and what that was given. */
import type { TraceId } from "#core/ids.js";
import { nodeKey, runKey } from "../documents/keys.js";
import type { Ledger } from "../ledger/ledger.js";
import { SEALED_KINDS } from "../ledger/seal.js";

export interface Ancestry {
  /** Row of the ledger. */
  readonly event: number;
  readonly kind: string;
  readonly tsMs: number;
  readonly actor: string;
  readonly run: string | null;
  readonly node: string | null;
  /** Digests of the values that the node was given. */
  readonly inputs: readonly string[];
  readonly citations: readonly string[];
}

/** Of an event's `meta`, in those kinds that have it. */
interface Named {
  readonly node?: string;
  readonly citations?: readonly string[];
}

/** `rlp kb why` goes all the way; this is one look at the ledger for each hit, and one at each run. */
export function ancestries(ledger: Pick<Ledger, "row" | "runRows">): (event: number) => Ancestry | null {
  const deliveries = new Map<string, ReadonlyMap<string, readonly string[]>>();

  function inputsOf(traceId: TraceId, node: string): readonly string[] {
    let byNode = deliveries.get(traceId);
    if (!byNode) {
      const made = new Map<string, string[]>();
      for (const { kind, payload } of ledger.runRows(traceId))
        if (kind === "edge.delivered") {
          const { to, value_hash } = payload.meta as { readonly to: string; readonly value_hash: string };
          const name = to.split(".", 1)[0]!;
          made.set(name, [...(made.get(name) ?? []), value_hash]);
        }
      deliveries.set(traceId, (byNode = made));
    }
    return byNode.get(node) ?? [];
  }

  return (event) => {
    const row = ledger.row(event);
    if (!row) return null;
    const { kind, ts_ms, actor, provenance } = row;
    // What is sealed names neither: a search opens no payload for nothing.
    const meta = SEALED_KINDS.includes(kind) ? {} : (row.payload.meta as Named);
    const traceId = (row.trace_id ?? provenance.trace ?? null) as TraceId | null;
    const node = meta.node ?? provenance.node ?? null;
    return {
      event,
      kind,
      tsMs: ts_ms,
      actor,
      run: traceId === null ? null : runKey(traceId),
      node: traceId === null || node === null ? null : nodeKey(traceId, node),
      inputs: traceId === null || node === null ? (provenance.inputs ?? []) : inputsOf(traceId, node),
      citations: meta.citations ?? provenance.citations ?? [],
    };
  };
}
