/** Scalars that hold the little language of `expression.ts`, read with the places of their parts. */
import type { Placed, PlacedRef } from "./draft.js";
import type { Span } from "./diagnostic.js";
import type { Extent, Parsed } from "./expression.js";
import { asText, NO_TEMPLATE } from "./fields.js";
import type { Reporter } from "./reporter.js";
import { placeInScalar } from "./scalar-place.js";
import { hasTemplate } from "./template.js";
import type { ScalarTree, Tree } from "./tree.js";

export interface ReadReference<T> extends Omit<PlacedRef, "ref"> {
  readonly value: T;
  /** Everything behind the reference: the guard of an edge. */
  readonly rest: Span;
}

/** Reads one such scalar. Long ones are refused before they are looked at: no reference, guard or expression needs more. */
export function readReference<T>(
  report: Reporter,
  tree: Tree,
  what: string,
  parse: (text: string) => Parsed<T>,
): ReadReference<T> | null {
  const text = asText(report, tree, what, "a port is written node.port");
  if (!text) return null;
  if (text.value.length > LONGEST) {
    report.error("OPENING_EXPRESSION", text.span, `${what} is longer than ${LONGEST} characters`);
    return null;
  }
  const parsed = parse(text.value);
  const place = ({ start, end }: Extent): Span => placeInScalar(report.source.text, text as ScalarTree, start, end - start);
  if (!parsed.ok) {
    const { offset, length, message, hint } = parsed.fault;
    const shown = hasTemplate(text.value) ? NO_TEMPLATE : hint;
    report.error("OPENING_EXPRESSION", place({ start: offset, end: offset + length }), `${what}: ${message}`, shown);
    return null;
  }
  const { value, node, port } = parsed;
  const rest = place({ start: port.end, end: text.value.length });
  return { value, nodeSpan: place(node), portSpan: place(port), rest };
}

const LONGEST = 1024;

export const placed = <T>(value: T, span: Span): Placed<T> => ({ value, span });
