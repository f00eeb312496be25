/** Diagnostics as a person reads them. */
import { visibleLine } from "#core/visible.js";
import type { Diagnostic, Excerpt } from "./diagnostic.js";

const style = { error: "\u001b[1;31m", warning: "\u001b[1;33m", hint: "\u001b[1;36m", off: "\u001b[0m" } as const;

/**
 * `error[CODE]: message`, `--> file:line:column`, the source line with carets under what is meant, and a hint. No character of
 * the file reaches the terminal raw. Lines end with LF; no LF at the end.
 */
export function formatDiagnostic(diagnostic: Diagnostic, options: { readonly color?: boolean } = {}): string {
  const paint = (text: string, how: keyof typeof style): string => (options.color ? style[how] + text + style.off : text);
  const { severity, code, message, file, line, column, excerpt, hint } = diagnostic;
  const lines = [
    `${paint(`${severity}[${code}]`, severity)}: ${visibleLine(message)}`,
    ` --> ${visibleLine(file)}:${line}:${column}`,
  ];
  if (excerpt) {
    const gutter = " ".repeat(String(line).length);
    const { shown, pad, carets } = draw(excerpt);
    lines.push(`${line} | ${shown}`.trimEnd(), `${gutter} | ${" ".repeat(pad)}${paint("^".repeat(carets), severity)}`);
  }
  if (hint !== undefined) lines.push(`${paint("hint", "hint")}: ${visibleLine(hint)}`);
  return lines.join("\n");
}

function draw(excerpt: Excerpt): { shown: string; pad: number; carets: number } {
  let shown = excerpt.cutBefore ? "…" : "";
  let pad = shown.length;
  let carets = 0;
  let at = 0;
  for (const character of excerpt.text) {
    const cell = visibleLine(character);
    const cells = cell === character ? cellsOf(character) : cell.length;
    if (at < excerpt.caret.start) pad += cells;
    else if (at < excerpt.caret.end) carets += cells;
    at += character.length;
    shown += cell;
  }
  return { shown: excerpt.cutAfter ? `${shown}…` : shown, pad, carets: Math.max(1, carets) };
}

// Wide and fullwidth ranges of UAX #11, as blocks; emoji that are shown in colour by default are wide too.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns that a terminal gives to a visible character. */
export function cellsOf(character: string): number {
  if (character < "\u0300") return 1;
  if (/\p{M}/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
