/** What a person may write for `rlp kb why`, made definite. */
import type { Digest } from "#core/digest.js";
import type { ProposalId, TraceId } from "#core/ids.js";
import { contactKey, parseCitation } from "../documents/keys.js";
import { KbError } from "../errors.js";
import type { Kb } from "../kb.js";

export type Subject =
  | { readonly kind: "entity"; /** `contact:…`, `document:…` or `artifact:…`, whole. */ readonly key: string }
  | { readonly kind: "run"; readonly traceId: TraceId }
  | { readonly kind: "node"; readonly traceId: TraceId; readonly node: string }
  | { readonly kind: "proposal"; readonly id: ProposalId }
  | { readonly kind: "event"; readonly id: number };

/** Fewer digits than this name too much to be looked up without their kind. */
const SHORTEST = 4;

/**
 * Reads `contact:…`, an e-mail address, `artifact:<digest>`, `document:<digest>`, a citation, `run:<trace>` or `trace:…`,
 * `node:<trace>#<node>`, `proposal:…`, an event's id, or the unambiguous beginning of any of them; a bare beginning is looked up
 * among all kinds. `KB_NOT_FOUND`, or `KB_AMBIGUOUS` with the candidates.
 */
export function findSubject(kb: Kb, text: string): Subject {
  const given = text.trim();
  const colon = given.indexOf(":");
  const [kind, rest] = colon < 0 ? ["", given] : [given.slice(0, colon), given.slice(colon + 1)];
  if (kind === "event" || (kind === "" && /^\d{1,15}$/.test(rest))) return event(kb, rest, given);
  if (kind === "" && rest.includes("@")) return entity(kb, contactKey(rest), given);
  const cited = parseCitation(rest);
  if ((kind === "" || kind === "document") && cited) return entity(kb, `document:${cited.digest}`, given);
  if (kind === "run" || kind === "trace") return { kind: "run", traceId: trace(kb, rest.replace(/^trace:/, ""), given) };
  if (kind === "node") return node(kb, rest.replace(/^trace:/, ""), given);
  if (kind === "contact" && rest.includes("@")) return entity(kb, contactKey(rest), given);
  if (["contact", "artifact", "document", "proposal"].includes(kind)) return entity(kb, given, given);
  if (kind !== "" || rest.length < SHORTEST) throw unknown(given);
  return bare(kb, rest);
}

function event(kb: Kb, digits: string, given: string): Subject {
  const id = Number(digits);
  if (!/^\d+$/.test(digits) || !kb.ledger.row(id)) throw unknown(given);
  return { kind: "event", id };
}

function trace(kb: Kb, prefix: string, given: string): TraceId {
  return single(kb.ledger.findTrace(prefix), given);
}

function node(kb: Kb, rest: string, given: string): Subject {
  const [prefix, name = ""] = rest.split("#", 2) as [string, string?];
  const traceId = trace(kb, prefix, given);
  const nodes = kb.views.runNodes(traceId).map((each) => each.node);
  if (!nodes.includes(name)) throw unknown(given, `the nodes of that run: ${nodes.join(", ")}`);
  return { kind: "node", traceId, node: name };
}

function entity(kb: Kb, prefix: string, given: string): Subject {
  return toSubject(single(kb.views.findEntity(prefix, 10), given));
}

function bare(kb: Kb, rest: string): Subject {
  const keys = ["contact", "document", "artifact", "proposal"].flatMap((kind) => kb.views.findEntity(`${kind}:${rest}`, 10));
  const runs = kb.ledger.findTrace(rest).map((traceId) => `run:${traceId}`);
  return toSubject(single([...keys, ...runs], rest));
}

function toSubject(key: string): Subject {
  if (key.startsWith("run:")) return { kind: "run", traceId: key.slice(4) as TraceId };
  return key.startsWith("proposal:") ? { kind: "proposal", id: key as ProposalId } : { kind: "entity", key };
}

function single<T extends string>(found: readonly T[], given: string): T {
  const [only, ...others] = found;
  if (only === undefined) throw unknown(given);
  if (others.length === 0) return only;
  throw new KbError("KB_AMBIGUOUS", `\`${given}\` could be ${found.slice(0, 5).join(", ")}${found.length > 5 ? ", …" : ""}`, {
    hint: "write more of it",
  });
}

function unknown(
  given: string,
  hint = "`rlp runs` lists runs, `rlp kb search` finds documents; an entity is contact:…, document:…, artifact:…, run:…, node:<trace>#<node>, an address or an event's number",
): KbError {
  return new KbError("KB_NOT_FOUND", `nothing is known of \`${given.slice(0, 120)}\``, { hint });
}

export const digestOf = (key: string): Digest => key.slice(key.indexOf(":") + 1) as Digest;
