/** Branded identifiers: UUIDv7 (RFC 9562) with a prefix that says what they name. */
import { randomFillSync } from "node:crypto";
import { V7Generator } from "uuidv7";
import { DataError } from "./errors.js";
import { jsonDigest } from "./json.js";

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** One run: `trace:0199…`. */
export type TraceId = Id<"TraceId">;
/** One use of an opening: `opening:0199…`. */
export type OpeningId = Id<"OpeningId">;
/** One proposed external action: `proposal:0199…`. */
export type ProposalId = Id<"ProposalId">;
/** A node of an opening, unique within it. */
export type NodeId = Id<"NodeId">;

// Node's own generator and not the web's `crypto`, which the library would take: that one takes 10 ms to be loaded.
const random = new Uint32Array(16);
let used = random.length;
const generator = new V7Generator({
  nextUint32() {
    if (used === random.length) {
      randomFillSync(random);
      used = 0;
    }
    return random[used++] as number;
  },
});

/** A fresh UUIDv7; within one process they sort in the order in which they were made. */
function uuid(): string {
  return generator.generate().toString();
}

export const newTraceId = (): TraceId => `trace:${uuid()}` as TraceId;
export const newOpeningId = (): OpeningId => `opening:${uuid()}` as OpeningId;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function parser<T extends string>(prefix: string): (text: string) => T {
  return (text) => {
    const bare = text.startsWith(`${prefix}:`) ? text.slice(prefix.length + 1) : text;
    if (!UUID.test(bare))
      throw new DataError("DATA_BAD_ID", `\`${text.slice(0, 80)}\` is not ${prefix}:<uuid>`, {
        hint: prefix === "trace" ? "`rlp runs` lists the traces there are" : "`rlp proposals` lists what waits for a decision",
      });
    return `${prefix}:${bare}` as T;
  };
}

/** Reads `trace:<uuid>`; the prefix may be left out. Throws `DATA_BAD_ID`. */
export const parseTraceId = parser<TraceId>("trace");
export const parseProposalId = parser<ProposalId>("proposal");

/**
 * A proposal's id is derived from what it belongs to, so that an attempt that is re-executed finds the proposal that it made before.
 * `digest` is 64 hexadecimal digits; the first 128 bits become a UUID with version 7's layout.
 */
export function proposalId(digest: string): ProposalId {
  const d = digest;
  const variant = ((parseInt(d[16] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return `proposal:${d.slice(0, 8)}-${d.slice(8, 12)}-7${d.slice(13, 16)}-${variant}${d.slice(17, 20)}-${d.slice(20, 32)}` as ProposalId;
}

/**
 * The run that an attempt of a node is, where the node uses another opening. Derived, so that the attempt finds its run again after a
 * crash, and anybody who knows the outer run finds the inner one. Of the outer run's time only the minute is kept, so that the beginning
 * of an id still tells runs apart.
 */
export function innerTraceId(outer: TraceId, node: string, attempt: number): TraceId {
  const minute = outer.slice("trace:".length, "trace:".length + 8);
  const d = jsonDigest(["rlp.inner.1", outer, node, attempt]);
  const variant = ((parseInt(d[7] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return `trace:${minute}-${d.slice(0, 4)}-7${d.slice(4, 7)}-${variant}${d.slice(8, 11)}-${d.slice(11, 23)}` as TraceId;
}

export const IDENTIFIER = /^[a-z][a-z0-9_]{0,63}$/;
