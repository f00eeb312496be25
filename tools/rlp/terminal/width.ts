/** How many columns a terminal gives to text, and cutting text to columns. Text here is visible already; colours may be in it. */
import { stripVTControlCharacters } from "node:util";

// Wide and fullwidth ranges of UAX #11, as blocks; emoji that are shown in colour by default are wide too.
const wide = (): RegExp =>
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
let segmenter: Intl.Segmenter | undefined;

interface Terminal {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Columns to lay text out in. What is no terminal says none, and one that nobody gave a size (a bare pseudo-terminal) says 0. */
export const columnsOf = ({ columns }: Terminal): number => Math.max(20, columns || 80);

/** Rows of the screen, in the same way. */
export const rowsOf = ({ rows }: Terminal): number => Math.max(4, rows || 24);

/** User-perceived characters. The segmenter is made when a line first needs it: that takes 8 ms, and most lines are ASCII. */
function graphemes(text: string): Intl.Segments {
  return (segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })).segment(text);
}

/** Columns of one user-perceived character. */
function cells(grapheme: string): number {
  if (wide().test(grapheme)) return 2;
  return /^\p{M}+$/u.test(grapheme) ? 0 : 1;
}

/** Columns of a line; colour sequences take none. */
export function width(line: string): number {
  const text = stripVTControlCharacters(line);
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes(text)) columns += cells(segment);
  return columns;
}

/** The line cut to `columns`, with `…` where something is missing. Colour sequences are kept, so that each is closed again. */
export function cut(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  if (columns < 1) return "";
  let left = columns - 1;
  let cutAlready = false;
  // SGR sequences take no room.
  return line.replace(/(\x1b\[[0-9;]*m)|([^\x1b]+)/g, (_, colour: string | undefined, text: string | undefined) => {
    if (colour !== undefined) return colour;
    let kept = "";
    for (const { segment } of graphemes(text ?? "")) {
      if (cutAlready) break;
      const next = cells(segment);
      if (next > left) {
        cutAlready = true;
        kept += "…";
        break;
      }
      left -= next;
      kept += segment;
    }
    return kept;
  });
}

/** Padded on the right to `columns`, never cut. */
export function pad(line: string, columns: number): string {
  return line + " ".repeat(Math.max(0, columns - width(line)));
}

/** Lines of at most `columns`, broken at spaces where there are some; what is broken off keeps the indentation. */
export function wrap(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line)?.[0] ?? "";
    const room = columns - indent.length;
    return room < columns / 2
      ? wrapLine(line, Math.max(1, columns))
      : wrapLine(line.slice(indent.length), room).map((part) => (part === "" ? "" : indent + part));
  });
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?<= )/)) {
    if (width(current + word.trimEnd()) <= columns) {
      current += word;
      continue;
    }
    if (current !== "") lines.push(current.trimEnd());
    current = "";
    for (const { segment } of graphemes(word)) {
      if (width(current + segment) > columns) {
        lines.push(current);
        current = "";
      }
      current += segment;
    }
  }
  lines.push(current.trimEnd());
  return lines;
}
