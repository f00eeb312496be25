/** The brace form's text as tokens, with their places. Nothing here looks behind: the time is that of one pass. */
import { openingLimits } from "../limits.js";
import type { Reporter } from "../reporter.js";
import { readString } from "./string.js";

export type TokenKind = "word" | "number" | "duration" | "dollars" | "string" | "mark" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As the file spells it; empty for the end. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Whether it is the first of its line. */
  readonly first: boolean;
  /** Of a string what it says, of the others what they count (durations in milliseconds). */
  readonly value: string | number;
}

export interface Comment {
  readonly start: number;
  readonly end: number;
  /** Without `#` or `//`. */
  readonly text: string;
  /** Whether nothing stands before it on its line. */
  readonly first: boolean;
}

export interface Lexed {
  /** The last one is the `end`. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const BLANK = /[ \t\r\n\u0085\u00a0\ufeff]+/y;
const COMMENT = /(?:#|\/\/)[^\n]*/y;
const MARK = /:=|->|==|!=|>=|<=|[<>=:,.;()[\]{}]/y;
// Generous on purpose, as in expressions: a wrong name is reported as a wrong name. A `-` belongs to it only between two letters.
const WORD = /[\p{L}_][\p{L}\p{N}_]*(?:-[\p{L}\p{N}_]+)*/uy;
const FIGURE = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const AMOUNT = /\$(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/y;
/** What must not follow on a number: it would be read as two things. */
const TAIL = /[\p{L}\p{N}_]+/uy;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** undefined where there are too many tokens; every other fault is reported and passed over. */
export function lexBrace(report: Reporter): Lexed | undefined {
  const { text } = report.source;
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  let at = 0;
  let first = true;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const push = (kind: TokenKind, start: number, value: string | number): void => {
    tokens.push({ kind, text: text.slice(start, at), start, end: at, first, value });
    first = false;
  };
  const wrong = (start: number, message: string, hint?: string): void =>
    report.error("OPENING_SYNTAX", { start, end: at }, message, hint);

  while (at < text.length) {
    const start = at;
    const blank = take(BLANK);
    if (blank !== undefined) {
      if (blank.includes("\n")) first = true;
      continue;
    }
    const comment = take(COMMENT);
    if (comment !== undefined) {
      const said = comment.replace(/^(?:#|\/\/)/, "").trimEnd();
      comments.push({ start, end: start + comment.trimEnd().length, text: said, first });
      continue;
    }
    if (tokens.length >= openingLimits.tokens) {
      report.error("OPENING_TOO_LARGE", { start, end: start + 1 }, `the file has more than ${openingLimits.tokens} tokens`);
      return undefined;
    }
    if (text[at] === '"') {
      const { value, end, faults } = readString(text, at);
      at = end;
      for (const { span, message, hint } of faults) report.error("OPENING_SYNTAX", span, message, hint);
      push("string", start, value);
    } else if (take(AMOUNT) !== undefined) push("dollars", start, Number(text.slice(start + 1, at)));
    else if (take(FIGURE) !== undefined) figure(start);
    else if (take(MARK) !== undefined) push("mark", start, text.slice(start, at));
    else if (take(WORD) !== undefined) push("word", start, text.slice(start, at));
    else {
      at += String.fromCodePoint(text.codePointAt(at) ?? 0).length;
      const hint = text[start] === "'" ? 'text stands in double quotes: "…"' : undefined;
      wrong(start, `${JSON.stringify(text.slice(start, at))} has no meaning here`, hint);
    }
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length, first: true, value: "" });
  return { tokens, comments };

  function figure(start: number): void {
    const digits = Number(text.slice(start, at));
    const behind = at;
    const unit = take(TAIL);
    if (unit === undefined) return push("number", start, digits);
    const scale = Object.hasOwn(MILLISECONDS, unit) ? MILLISECONDS[unit] : undefined;
    const whole = text.slice(start, at);
    if (scale !== undefined && digits >= 0 && !/[eE]/.test(text.slice(start, behind)))
      // 0.29 s are 290 ms, whatever 0.29 × 1000 comes to in binary.
      return push("duration", start, Number((digits * scale).toPrecision(15)));
    wrong(start, `${JSON.stringify(whole.slice(0, 80))} is no number and no name`, "text stands in double quotes");
    push("number", start, 0);
  }
}
