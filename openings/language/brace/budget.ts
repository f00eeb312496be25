/** `budget: 30s, $0.05, 20000 tokens, 1000000 fuel`: limits as the keys that YAML has for them. */
import type { MapEntry, Trees } from "../tree.js";
import type { Cursor } from "./cursor.js";
import type { Token } from "./lex.js";
import { spanFrom } from "./value.js";

const COUNTED: Readonly<Record<string, string>> = { token: "budget_tokens", tokens: "budget_tokens", fuel: "budget_fuel" };
const HINT = "amounts are times (30s, 500ms, 2m, 1h), $0.05, 20000 tokens and 1000000 fuel";

export function readBudget(cursor: Cursor, trees: Trees): readonly MapEntry[] {
  cursor.next();
  cursor.expect(":");
  const entries: MapEntry[] = [];
  do entries.push(readAmount(cursor, trees));
  while (cursor.take(",") && isAmount(cursor.peek()));
  return entries;
}

const isAmount = ({ kind }: Token): boolean => kind === "duration" || kind === "dollars" || kind === "number";

function readAmount(cursor: Cursor, trees: Trees): MapEntry {
  const token = cursor.peek();
  if (!isAmount(token)) cursor.fail("expected an amount", HINT);
  cursor.next();
  let key = token.kind === "duration" ? "timeout_ms" : "budget_usd";
  if (token.kind === "number") {
    const unit = cursor.peek();
    const counted = unit.kind === "word" && Object.hasOwn(COUNTED, unit.text) ? COUNTED[unit.text] : undefined;
    if (counted === undefined) cursor.fail("expected what is counted: tokens or fuel", HINT);
    key = counted;
    cursor.next();
  }
  const span = spanFrom(token, cursor.before);
  // A time is counted in milliseconds, so the digits of the file are not those of the value.
  const source = token.kind === "number" ? token.text : String(token.value);
  return { key, keySpan: span, value: trees.scalar(token.value, source, "plain", span) };
}
