/** Values of the brace form: JSON, and words, ports and expressions without quotes. */
import type { Span } from "../diagnostic.js";
import { openingLimits } from "../limits.js";
import type { MapEntry, Tree, Trees } from "../tree.js";
import type { Cursor } from "./cursor.js";
import type { Token } from "./lex.js";

const WORDS: Readonly<Record<string, null | boolean>> = { null: null, true: true, false: false };
const OPERATORS = ["==", "!=", ">", ">=", "<", "<="] as const;

export const spanFrom = (start: Token, end: Token): Span => ({ start: start.start, end: end.end });

/** `level` counts the maps and lists around the value. */
export function readValue(cursor: Cursor, trees: Trees, level: number): Tree {
  const token = cursor.peek();
  switch (token.kind) {
    case "string":
      cursor.next();
      return trees.scalar(token.value, token.text, "double", spanFrom(token, token));
    case "number":
      cursor.next();
      return trees.scalar(token.value, token.text, "plain", spanFrom(token, token));
    case "word":
      return readBare(cursor, trees);
    case "duration":
    case "dollars":
      return cursor.refuse("a value has no unit", "amounts with units stand in `budget: 30s, $0.05, 20000 tokens`");
    case "mark":
      if (token.text === "[") return readList(cursor, trees, level);
      if (token.text === "{") return readMap(cursor, trees, level);
  }
  return cursor.fail("expected a value");
}

function readList(cursor: Cursor, trees: Trees, level: number): Tree {
  const open = nested(cursor, "[", level);
  const items: Tree[] = [];
  while (!cursor.is("]")) {
    items.push(readValue(cursor, trees, level + 1));
    cursor.separated("]");
  }
  return trees.list(items, spanFrom(open, cursor.close("]")));
}

function readMap(cursor: Cursor, trees: Trees, level: number): Tree {
  const open = nested(cursor, "{", level);
  if (cursor.is("{")) cursor.fail("expected a key", 'a template stands in quotes: "{{params.name}}"');
  const entries: MapEntry[] = [];
  while (!cursor.is("}")) {
    entries.push(...readEntry(cursor, trees, level + 1, ":"));
    cursor.separated("}");
  }
  return trees.map(entries, spanFrom(open, cursor.close("}")));
}

/** A key, the mark behind it and a value; nothing where the key cannot be used, which is reported. */
export function readEntry(cursor: Cursor, trees: Trees, level: number, mark: ":" | "="): readonly MapEntry[] {
  const key = readKey(cursor);
  cursor.expect(mark);
  const value = readValue(cursor, trees, level);
  const name = String(key.value);
  return trees.usableKey(name, spanFrom(key, key)) ? [{ key: name, keySpan: spanFrom(key, key), value }] : [];
}

function readKey(cursor: Cursor): Token {
  const token = cursor.peek();
  if (token.kind === "word" || token.kind === "string") return cursor.next();
  return cursor.fail("expected a key");
}

function nested(cursor: Cursor, mark: string, level: number): Token {
  const token = cursor.open(mark);
  if (level <= openingLimits.depth) return token;
  throw new TooDeep(spanFrom(token, token));
}

/** Ends the reading: what lies deeper is not looked at. */
export class TooDeep extends Error {
  constructor(readonly span: Span) {
    super(`maps and lists are nested deeper than ${openingLimits.depth}`);
  }
}

/** A word, a name with dots, or an expression, as it stands: the readers of the language read it as they read YAML's plain text. */
function readBare(cursor: Cursor, trees: Trees): Tree {
  const start = cursor.next();
  if (start.text === "exists" && cursor.is("(")) {
    cursor.open("(");
    if (!cursor.is(")")) readName(cursor);
    cursor.close(")");
  } else {
    dots(cursor);
    const word = cursor.before === start && Object.hasOwn(WORDS, start.text) ? WORDS[start.text] : undefined;
    if (word !== undefined) return trees.scalar(word, start.text, "plain", spanFrom(start, start));
    if (isOperator(cursor.peek()) && !cursor.peek().first) readComparison(cursor);
  }
  return plain(cursor, trees, start);
}

/** What was read since `start`, as plain text. */
export function plain(cursor: Cursor, trees: Trees, start: Token): Tree {
  const span = spanFrom(start, cursor.before);
  const text = cursor.text.slice(span.start, span.end);
  return trees.scalar(text, text, "plain", span);
}

/** `name.name.…` */
export function readName(cursor: Cursor): void {
  const token = cursor.peek();
  if (token.kind !== "word") cursor.fail("expected a name", "a port is written node.port");
  cursor.next();
  dots(cursor);
}

function dots(cursor: Cursor): void {
  while (cursor.is(".") && !cursor.peek().first) {
    cursor.next();
    const { kind, first } = cursor.peek();
    if (kind !== "word" || first) cursor.fail("expected a name behind the `.`");
    cursor.next();
  }
}

export const isOperator = (token: Token): boolean =>
  token.kind === "mark" && (OPERATORS as readonly string[]).includes(token.text);

export function readComparison(cursor: Cursor): void {
  cursor.next();
  const { kind, first } = cursor.peek();
  if (first || !["word", "number", "string"].includes(kind))
    cursor.fail("expected a literal", 'a literal is true, false, a number or a "string"');
  cursor.next();
}
