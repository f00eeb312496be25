/**
 * Worst cases, as sums that know what they do not know: a fixed part and, where a `for_each` takes elements that come only with the
 * run, so much for each of them. null: nothing bounds it.
 */
import { hasMembers } from "#core/json.js";

export interface Sum {
  readonly fixed: number;
  /** By the node's path (`outer/inner`): so much for each of its elements. */
  readonly each: Readonly<Record<string, number>>;
}
export type Amount = Sum | null;

export const nothing: Sum = { fixed: 0, each: {} };
export const fixed = (amount: number): Sum => ({ fixed: amount, each: {} });

const isFixed = ({ each }: Sum): boolean => !hasMembers(each);

/** A sum over more nodes than this says nothing to anybody, and adding such up would take quadratic time: it counts as unknown. */
const MOST_NODES = 64;

export function plus(a: Amount, b: Amount): Amount {
  if (a === null || b === null) return null;
  if (isFixed(b)) return b.fixed === 0 ? a : { fixed: a.fixed + b.fixed, each: a.each };
  if (a.fixed === 0 && isFixed(a)) return b;
  const each = new Map(Object.entries(a.each));
  for (const [node, amount] of Object.entries(b.each)) each.set(node, (each.get(node) ?? 0) + amount);
  if (each.size > MOST_NODES) return null;
  return { fixed: a.fixed + b.fixed, each: Object.fromEntries(each) };
}

export function times(amount: Amount, count: number): Amount {
  if (amount === null) return count === 0 ? nothing : null;
  if (count === 1) return amount;
  if (isFixed(amount)) return fixed(amount.fixed * count);
  return {
    fixed: amount.fixed * count,
    each: Object.fromEntries(Object.entries(amount.each).map(([node, each]) => [node, each * count])),
  };
}

/** `amount` for each element that `node` gets. What is itself for each of something else would be a product, which has no bound here. */
export function forEach(amount: Amount, node: string): Amount {
  if (amount === null || !isFixed(amount)) return null;
  return amount.fixed === 0 ? nothing : { fixed: 0, each: { [node]: amount.fixed } };
}

/** No more than `most`; what is not known to be less is `most`. */
export function atMost(amount: Amount, most: number | null): Amount {
  if (most === null) return amount;
  return amount !== null && isFixed(amount) && amount.fixed <= most ? amount : fixed(most);
}

/** The greater of two, for times of ways that are gone at once: where neither is known to be greater, more than either. */
export function greater(a: Amount, b: Amount): Amount {
  if (a === null || b === null) return null;
  if (isFixed(a) && isFixed(b)) return a.fixed >= b.fixed ? a : b;
  const names = new Set([...Object.keys(a.each), ...Object.keys(b.each)]);
  if (names.size > MOST_NODES) return null;
  const each = [...names].map((name): [string, number] => [name, Math.max(a.each[name] ?? 0, b.each[name] ?? 0)]);
  return { fixed: Math.max(a.fixed, b.fixed), each: Object.fromEntries(each) };
}
