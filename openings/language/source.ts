/** The text of a file, and positions in it. */
import type { Excerpt, Finding, OpeningCode, Span } from "./diagnostic.js";
import { openingLimits } from "./limits.js";

/** Text with an index of its lines. Lines end with LF or CRLF. */
export class Source {
  readonly #starts: number[] = [0];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  /** Line and column of an offset, both from 1; the column counts characters. */
  position(offset: number): { line: number; column: number } {
    const index = this.#lineAt(offset);
    return { line: index + 1, column: countCharacters(this.text, this.#starts[index] ?? 0, offset) + 1 };
  }

  /** The line around a span, at most `WINDOW` units of it. */
  excerpt(span: Span): Excerpt | null {
    const index = this.#lineAt(span.start);
    const from = this.#starts[index] ?? 0;
    let to = (this.#starts[index + 1] ?? this.text.length + 1) - 1;
    if (to > from && this.text.charCodeAt(to - 1) === 0x0d) to--;
    const start = Math.min(span.start, to);
    const left = to - from <= WINDOW ? from : boundary(this.text, Math.max(from, start - BEFORE));
    const right = to - left <= WINDOW ? to : boundary(this.text, left + WINDOW);
    const end = Math.min(Math.max(span.end, start + 1), Math.max(right, start + 1));
    return {
      text: this.text.slice(left, right),
      caret: { start: start - left, end: end - left },
      cutBefore: left > from,
      cutAfter: right < to,
    };
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const WINDOW = 120;
const BEFORE = 60;

/** Never between the halves of a surrogate pair. */
function boundary(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

function countCharacters(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}

// What YAML 1.2 does not allow in a stream (section 5.1). yaml's lexer also uses some of them as marks of its own.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/;

/** Bytes to text. What is no text, too large or empty is told by one error, and then there is nothing to read. */
export function decodeSource(file: string, bytes: Uint8Array): { source: Source; faults: readonly Finding[] } {
  const nowhere = { start: 0, end: 0 };
  const refuse = (code: OpeningCode, message: string, hint?: string, source = new Source(file, ""), span: Span = nowhere) => ({
    source,
    faults: [{ code, severity: "error" as const, message, span, ...(hint !== undefined && { hint }) }],
  });

  if (bytes.length > openingLimits.bytes)
    return refuse("OPENING_TOO_LARGE", `the file has ${bytes.length} bytes; an opening has at most ${openingLimits.bytes}`);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return refuse("OPENING_ENCODING", "the file is UTF-16; an opening is UTF-8", "save the file as UTF-8");
  if (bytes.includes(0)) return refuse("OPENING_ENCODING", "this is a binary file, not an opening");

  const good = validPrefix(bytes);
  const text = new TextDecoder("utf-8", { ignoreBOM: false }).decode(bytes);
  const source = new Source(file, text);
  if (good < bytes.length) {
    const start = new TextDecoder("utf-8").decode(bytes.subarray(0, good)).length;
    const byte = (bytes[good] ?? 0).toString(16).padStart(2, "0");
    const span = { start, end: start + 1 };
    return refuse("OPENING_ENCODING", `the file is not UTF-8: byte 0x${byte} at ${good}`, "save the file as UTF-8", source, span);
  }

  const control = FORBIDDEN.exec(text);
  if (control) {
    const name = `U+${control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    const span = { start: control.index, end: control.index + 1 };
    return refuse("OPENING_ENCODING", `the file holds the control character ${name}`, "take it out", source, span);
  }
  if (!/^[ \t\r]*[^#\s]/m.test(text))
    return refuse(
      "OPENING_EMPTY",
      /\S/.test(text) ? "the file holds nothing but comments" : "the file is empty",
      "an opening begins with `version: 0`",
    );

  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (!marked) return { source, faults: [] };
  const message = "the file begins with a byte order mark, which is ignored";
  const warning = { code: "OPENING_ENCODING" as const, severity: "warning" as const, message, span: { start: 0, end: 1 } };
  return { source, faults: [{ ...warning, hint: "save the file as UTF-8 without it" }] };
}

/** How many bytes from the start are well-formed UTF-8. */
function validPrefix(bytes: Uint8Array): number {
  const valid = (length: number, stream: boolean): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  if (valid(bytes.length, false)) return bytes.length;
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (valid(middle, true)) low = middle;
    else high = middle - 1;
  }
  // A prefix may end within a character and still be well-formed so far: go back to that character's first byte.
  while (low > 0 && low < bytes.length && !valid(low, false)) low--;
  return low;
}
