/** A text in double quotes: the escapes of JSON, and `\U` with eight digits for what lies beyond them. */
import type { Span } from "../diagnostic.js";

export interface ReadString {
  readonly value: string;
  /** Just behind the closing quote, or the end of the line where there is none. */
  readonly end: number;
  readonly faults: readonly { readonly span: Span; readonly message: string; readonly hint: string }[];
}

const PLAIN = /[^"\\\n]+/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const HEX = /u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y;

/** `start` is the opening quote. */
export function readString(text: string, start: number): ReadString {
  const parts: string[] = [];
  const faults: { span: Span; message: string; hint: string }[] = [];
  let at = start + 1;
  for (;;) {
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(text)?.[0];
    if (plain !== undefined) {
      parts.push(plain);
      at += plain.length;
    }
    const next = text[at];
    if (next === '"') return { value: parts.join(""), end: at + 1, faults };
    if (next !== "\\") break; // the end of the line, or of the file
    const escape = readEscape(text, at);
    if (escape.value === null)
      faults.push({
        span: { start: at, end: escape.end },
        message: `the escape ${JSON.stringify(text.slice(at, escape.end))} is not known`,
        hint: "escapes are those of JSON, and \\U with eight digits; a backslash itself is \\\\",
      });
    else parts.push(escape.value);
    at = escape.end;
  }
  const end = text[at - 1] === "\r" ? at - 1 : at;
  faults.push({
    span: { start, end },
    message: "this text has no closing quote on its line",
    hint: "a line break inside of text is written \\n",
  });
  return { value: parts.join(""), end: at, faults };
}

function readEscape(text: string, at: number): { readonly value: string | null; readonly end: number } {
  const letter = text[at + 1] ?? "";
  if (Object.hasOwn(ESCAPES, letter)) return { value: ESCAPES[letter] ?? null, end: at + 2 };
  HEX.lastIndex = at + 1;
  const digits = HEX.exec(text)?.[0];
  const code = digits === undefined ? Infinity : Number.parseInt(digits.slice(1), 16);
  if (digits === undefined || code > 0x10ffff) {
    const end =
      digits === undefined
        ? at + 1 + (letter === "\n" ? 0 : String.fromCodePoint(text.codePointAt(at + 1) ?? 32).length)
        : at + 1 + digits.length;
    return { value: null, end: Math.min(end, text.length) };
  }
  return { value: letter === "u" ? String.fromCharCode(code) : String.fromCodePoint(code), end: at + 1 + digits.length };
}
