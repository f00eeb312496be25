/** Where each part of a document goes: the order of keys, and what stands on one line. */
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Scalar,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import {
  artifactKeys,
  edgeKeys,
  inputKeys,
  keysOf,
  nodeKeys,
  openingKeys,
  policyKeys,
  retryKeys,
  successKeys,
  type Vocabulary,
} from "../language/vocabulary.js";

/** Columns that a map or a list on one line may reach. */
export const WIDTH = 110;

/** Reorders and lays out in place. */
export function arrange(document: Document): void {
  const root = document.contents;
  if (!isMap(root)) return;
  const { comment, commentBefore } = root;
  order(root, openingKeys);
  root.comment = comment ?? null;
  root.commentBefore = commentBefore ?? null;
  root.flow = false;
  for (const pair of root.items) {
    arrangeSection(keyOf(pair), pair.value);
    lay(pair.value, 2 + keyOf(pair).length, ["nodes", "edges"].includes(keyOf(pair)));
  }
}

function arrangeSection(key: string, value: unknown): void {
  const sections: Readonly<Record<string, Vocabulary>> = { policy: policyKeys, success: successKeys, artifacts: artifactKeys };
  const words = Object.hasOwn(sections, key) ? sections[key] : undefined;
  if (words && isMap(value)) order(value, words);
  if (key === "inputs" && isMap(value)) for (const { value: input } of value.items) if (isMap(input)) order(input, inputKeys);
  if ((key === "nodes" || key === "edges") && isSeq(value))
    for (const item of value.items) if (isMap(item)) orderItem(item, key === "nodes" ? nodeKeys : edgeKeys);
}

function orderItem(item: YAMLMap, words: Vocabulary): void {
  order(item, words);
  for (const pair of item.items) if (keyOf(pair) === "retry" && isMap(pair.value)) order(pair.value, retryKeys);
}

/** Known keys first, in the order of the language; the others behind them, as they stand. */
function order(map: YAMLMap, words: Vocabulary): void {
  const known = keysOf(words);
  const rank = (pair: Pair): number => {
    const at = known.indexOf(keyOf(pair));
    return at < 0 ? known.length : at;
  };
  const first = map.items[0];
  map.items.sort((a, b) => rank(a) - rank(b)); // stable
  // An empty line before the first key would be one before the map.
  if (first && map.items[0] !== first) for (const pair of map.items) if (isScalar(pair.key)) pair.key.spaceBefore = false;
  if (map.items[0] && isScalar(map.items[0].key)) map.items[0].key.spaceBefore = false;
}

const keyOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : "");

/** What was written on one line stays there where it fits behind `column` and nothing in it needs lines of its own. */
function lay(node: unknown, column: number, open = false): void {
  if (isScalar(node)) restyle(node);
  if (!isCollection(node)) return;
  padded(node);
  const width = node.flow === true && !open ? widthOf(node) : null;
  node.flow = node.items.length === 0 || (width !== null && column + width <= WIDTH);
  for (const item of node.items) {
    if (isPair(item)) {
      if (isScalar(item.key)) restyle(item.key);
      lay(item.value, column + 2 + keyOf(item).length);
    } else lay(item, column + 4);
  }
}

/** `{ a: b }` and `[a, b]`: the library pads both or neither. */
function padded(node: YAMLMap | YAMLSeq): void {
  const prototype = Object.getPrototypeOf(node) as YAMLMap | YAMLSeq;
  const padding = isMap(node) ? " " : "";
  node.toString = (context?: object, ...rest: (() => void)[]) =>
    prototype.toString.call(node, context && ({ ...context, flowCollectionPadding: padding } as never), ...rest);
}

/** The width on one line; null where a comment or a line break is in it (beside it is no matter). */
function widthOf(node: unknown, within = false): number | null {
  if (node === null || node === undefined) return 0;
  const { comment, commentBefore, anchor } = node as Node & { anchor?: string };
  if (within && (comment || commentBefore)) return null;
  const own = anchor === undefined ? 0 : anchor.length + 2;
  if (isAlias(node)) return node.source.length + 1;
  if (isScalar(node)) {
    const { value } = node;
    if (typeof value === "string") return value.includes("\n") ? null : own + value.length + (/^[\w./-]+$/.test(value) ? 0 : 2);
    return own + String(node.source ?? value).length;
  }
  if (!isCollection(node)) return null;
  let width = own + 4;
  for (const item of node.items) {
    const parts = isPair(item) ? [widthOf(item.key, true), widthOf(item.value, true)] : [widthOf(item, true)];
    for (const part of parts) {
      if (part === null) return null;
      width += part + 2;
    }
  }
  return width;
}

/** Quotes are double ones, where that takes no escapes. */
function restyle(scalar: Scalar): void {
  const { value, type } = scalar;
  if (type === Scalar.QUOTE_SINGLE && typeof value === "string" && !/["\\]/.test(value)) scalar.type = Scalar.QUOTE_DOUBLE;
}
