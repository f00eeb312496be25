/**
 * Where a part of a scalar's text stands in the file.
 *
 * A scalar's text and its source differ by quotes, escapes, folded lines and indentation. What both have in common is their ink:
 * the characters that are not white space come in the same order, each written plainly or as one escape. So the n-th inked
 * character of the text is the n-th inked unit of the source, and white space is placed right before the ink that follows it.
 */
import type { Span } from "./diagnostic.js";
import type { ScalarStyle, ScalarTree } from "./tree.js";

/** The span in the file of `length` UTF-16 units from `offset` of a scalar's text. Offsets past its end give its end. */
export function placeInScalar(file: string, scalar: ScalarTree, offset: number, length: number): Span {
  const text = typeof scalar.value === "string" ? scalar.value : "";
  const units = new Units(file, scalar.span, scalar.style);
  let start = scalar.span.end;
  let end = scalar.span.end;
  for (let at = 0; at < offset + length && at < text.length;) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const unit = isBlank(character) ? units.peek() : units.ink();
    if (at <= offset) start = unit.start;
    end = isBlank(character) ? unit.start + 1 : unit.end;
    at += character.length;
  }
  if (offset >= text.length) start = end = closing(scalar);
  return { start, end: Math.max(start, end) };
}

/** Just behind the last character of the text, before a closing quote. */
function closing(scalar: ScalarTree): number {
  const quoted = scalar.style === "single" || scalar.style === "double";
  return Math.max(scalar.span.start, quoted ? scalar.span.end - 1 : scalar.span.end);
}

const isBlank = (character: string): boolean => /^\s$/u.test(character);

interface Unit extends Span {
  readonly blank: boolean;
}

/** The source of a scalar, unit by unit: a character, a doubled quote or an escape. */
class Units {
  #at: number;
  readonly #end: number;

  constructor(
    readonly file: string,
    span: Span,
    readonly style: ScalarStyle,
  ) {
    const quoted = style === "single" || style === "double";
    this.#at = quoted ? span.start + 1 : span.start;
    this.#end = quoted ? Math.max(span.start + 1, span.end - 1) : span.end;
    if (style !== "block") return;
    // The header (`|-`, `>2`, a comment) is not part of the text.
    const header = file.indexOf("\n", span.start);
    this.#at = header === -1 || header >= span.end ? span.end : header + 1;
  }

  /** What comes next, blank or not. */
  peek(): Unit {
    return this.#unit(this.#at);
  }

  /** The next unit that has ink. */
  ink(): Unit {
    let unit = this.#unit(this.#at);
    while (unit.blank && unit.end > unit.start) {
      this.#at = unit.end;
      unit = this.#unit(this.#at);
    }
    this.#at = unit.end;
    return unit;
  }

  #unit(start: number): Unit {
    if (start >= this.#end) return { start: this.#end, end: this.#end, blank: true };
    const character = String.fromCodePoint(this.file.codePointAt(start) ?? 0);
    if (this.style === "single" && this.file.startsWith("''", start)) return { start, end: start + 2, blank: false };
    if (this.style === "double" && character === "\\") return this.#escape(start);
    return { start, end: start + character.length, blank: isBlank(character) };
  }

  #escape(start: number): Unit {
    const letter = this.file[start + 1] ?? "";
    const digits = { x: 2, u: 4, U: 8 }[letter] ?? 0;
    const pair = letter === "u" && SURROGATES.test(this.file.slice(start, start + 12));
    const end = Math.min(pair ? start + 12 : start + 2 + digits, this.#end);
    // Escaped white space is blank in the text; so is an escaped line end, which is nothing at all.
    const blank =
      digits > 0
        ? isBlank(String.fromCodePoint(codePoint(this.file.slice(start + 2, end))))
        : letter === "" || /[\s\tntrvfN_LP]/u.test(letter);
    return { start, end, blank };
  }
}

/** Two escapes that are one character. */
const SURROGATES = /^\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/;

function codePoint(hex: string): number {
  const value = Number.parseInt(hex, 16);
  return value <= 0x10ffff ? value : 0;
}
