/** Writes JSON as `JSON.stringify` does, byte for byte: the same escapes, the same numbers, lone surrogates escaped. */
import { Text } from "../text";
import { Json, Kind } from "./value";
import { formatNumber } from "./number";

const QUOTE: u32 = 0x22;

export function stringify(value: Json): string {
  const out = new Text();
  write(out, value);
  return out.toString();
}

/** A string as JSON. Most need no escape: those are one copy between quotes. */
export function quote(text: string): string {
  const length = text.length;
  if (plainUntil(text, 0) < length) return quoteEscaped(text);
  const quoted = __new(<usize>(length + 2) << 1, idof<string>());
  store<u16>(quoted, QUOTE);
  memory.copy(quoted + 2, changetype<usize>(text), <usize>length << 1);
  store<u16>(quoted + (<usize>(length + 1) << 1), QUOTE);
  return changetype<string>(quoted);
}

function quoteEscaped(text: string): string {
  const out = new Text();
  writeString(out, text);
  return out.toString();
}

function write(out: Text, value: Json): void {
  switch (value.kind) {
    case Kind.Bool:
      out.add(value.asBool() ? "true" : "false");
      return;
    case Kind.Number:
      out.add(formatNumber(value.asNumber()));
      return;
    case Kind.String:
      writeString(out, value.asText());
      return;
    case Kind.Array:
      out.unit(0x5b);
      for (let i = 0; i < value.length; i++) {
        if (i) out.unit(0x2c);
        write(out, value.valueAt(i));
      }
      out.unit(0x5d);
      return;
    case Kind.Object:
      out.unit(0x7b);
      for (let i = 0; i < value.length; i++) {
        if (i) out.unit(0x2c);
        writeString(out, value.nameAt(i));
        out.unit(0x3a);
        write(out, value.valueAt(i));
      }
      out.unit(0x7d);
      return;
    default:
      out.add("null");
  }
}

function writeString(out: Text, text: string): void {
  out.unit(QUOTE);
  for (let start = 0; ; start++) {
    const end = plainUntil(text, start);
    out.slice(text, start, end);
    if (end == text.length) break;
    writeEscape(out, <u32>text.charCodeAt(end));
    start = end;
  }
  out.unit(QUOTE);
}

/** Where the first unit at or after `start` stands that JSON has an escape for; the text's length where there is none. */
function plainUntil(text: string, start: i32): i32 {
  const length = text.length;
  for (let i = start; i < length; i++) {
    const unit = <u32>load<u16>(changetype<usize>(text) + (<usize>i << 1));
    if (unit >= 0x20 && unit != QUOTE && unit != 0x5c && (unit < 0xd800 || unit > 0xdfff)) continue;
    if (!isPair(text, i)) return i;
    i++;
  }
  return length;
}

function writeEscape(out: Text, unit: u32): void {
  out.unit(0x5c);
  const short = shortEscape(unit);
  if (short) {
    out.unit(short);
    return;
  }
  out.unit(0x75);
  for (let shift = 12; shift >= 0; shift -= 4) {
    const digit = (unit >> shift) & 15;
    out.unit(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}

/** Whether a high surrogate stands at `i` with its low one behind it. */
function isPair(text: string, i: i32): bool {
  const unit = text.charCodeAt(i);
  if (unit < 0xd800 || unit > 0xdbff || i + 1 >= text.length) return false;
  const next = text.charCodeAt(i + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}

/** The letter behind the backslash for units that have a short escape, else 0. */
function shortEscape(unit: u32): u32 {
  switch (unit) {
    case QUOTE:
    case 0x5c:
      return unit;
    case 0x08:
      return 0x62;
    case 0x0c:
      return 0x66;
    case 0x0a:
      return 0x6e;
    case 0x0d:
      return 0x72;
    case 0x09:
      return 0x74;
    default:
      return 0;
  }
}
