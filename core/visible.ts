/** Text from agents, models and files, made safe and honest for a person's eyes. */

/**
 * Characters that change what a terminal does or in which order it shows text, or that nobody can see: controls (escape sequences
 * begin with one), line and paragraph separators, format characters (bidirectional overrides and isolates), surrogates, private
 * use, and Unicode's default-ignorables (zero-width characters, soft hyphens, fillers, tags, variation selectors). Only U+FE0F
 * stays, which asks for the coloured form of an emoji. A legitimate zero-width joiner is shown as an escape too: ugly, harmless.
 *
 * Made where it is used: a pattern with classes of Unicode takes up to a millisecond, and most commands show nothing that needs one.
 */
const hidden = (): RegExp => /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const NAMED: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\u001b": "\\e" };

function escapeOf(character: string): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** One line: every hidden character, line feeds and tabs too, stands as a visible escape (`\e[31m`, `\u{202e}`). */
export function visibleLine(text: string): string {
  return text.replace(hidden(), escapeOf);
}

/**
 * Several lines: line feeds stay (a CRLF counts as one), tabs become two spaces, everything else as {@link visibleLine}. Streams
 * must be joined before they come here: an escape sequence can be split over chunks.
 */
export function visibleText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(hidden(), (character) => (character === "\n" ? "\n" : character === "\t" ? "  " : escapeOf(character)));
}
