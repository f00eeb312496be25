/** A part of a text around its matches. */

const WIDTH = 240;

/** Folded as FTS5's tokenizer does, closely enough to mark what it found. */
const folded = (word: string): string => word.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();

/** At most about {@link WIDTH} characters of `text` where most words match, each match between `**`; `…` where text was left out. */
export function snippet(text: string, terms: readonly string[], prefix: string | undefined): string {
  const wanted = new Set(terms.map(folded));
  const start = prefix === undefined ? undefined : folded(prefix);
  const matches = [...text.matchAll(/[\p{L}\p{N}\p{Co}\p{M}]+/gu)]
    .filter(([word]) => {
      const plain = folded(word);
      return wanted.has(plain) || (start !== undefined && plain.startsWith(start));
    })
    .map((match) => ({ from: match.index, to: match.index + match[0].length }));
  const within = (from: number) => matches.filter((match) => match.from >= from && match.to <= from + WIDTH);
  const best = matches.reduce<readonly { from: number; to: number }[]>((most, { from }) => {
    const group = within(from);
    return group.length > most.length ? group : most;
  }, []);
  const center = best.length > 0 ? (best[0]!.from + best.at(-1)!.to) / 2 : 0;
  const from = wordStart(text, Math.max(0, Math.min(center - WIDTH / 2, text.length - WIDTH)));
  const to = wordEnd(text, Math.min(text.length, from + WIDTH));
  let marked = "";
  let at = from;
  for (const match of matches.filter((each) => each.from >= from && each.to <= to)) {
    marked += `${text.slice(at, match.from)}**${text.slice(match.from, match.to)}**`;
    at = match.to;
  }
  marked += text.slice(at, to);
  return `${from > 0 ? "…" : ""}${marked.replaceAll(/\s+/g, " ").trim()}${to < text.length ? "…" : ""}`;
}

function wordStart(text: string, at: number): number {
  const whole = Math.trunc(at);
  if (whole === 0) return 0;
  const space = text.slice(whole, whole + 40).search(/\s/);
  return space < 0 ? aligned(text, whole) : whole + space + 1;
}

function wordEnd(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const space = text.slice(at - 40, at).search(/\s\S*$/);
  return space < 0 ? aligned(text, at) : at - 40 + space;
}

/** Not between the halves of a surrogate pair. */
function aligned(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit < 0xe000 ? at - 1 : at;
}
