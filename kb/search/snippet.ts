/** A part of a text around its matches. */
import type { Term } from "./ask.js";
import { ASCII, folded, piecesOf, runsOf, WORD_LENGTH } from "./tokens.js";

const WIDTH = 240;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** At most about {@link WIDTH} characters of `text` where most words match, each match between `**`; `…` where text was left out. */
export function snippet(text: string, terms: readonly Term[]): string {
  const matches = matchesOf(text, terms);
  const within = (from: number) => matches.filter((match) => match.from >= from && match.to <= from + WIDTH);
  const best = matches.reduce<readonly Span[]>((most, { from }) => {
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

/** In the order of the text. */
export function matchesOf(text: string, terms: readonly Term[]): readonly Span[] {
  return ASCII.test(text) ? plainMatches(text, terms) : [...runsOf(text)].flatMap((run) => matchesIn(run[0], run.index, terms));
}

/** Of a text without a letter that folding changes otherwise: looking for the few terms is quicker than taking all words apart. */
function plainMatches(text: string, terms: readonly Term[]): readonly Span[] {
  const plain = text.toLowerCase();
  const spans = new Map<number, Span>();
  for (const { text: term, match } of terms)
    for (let from = plain.indexOf(term); from >= 0 && from < plain.length; from = plain.indexOf(term, from + 1)) {
      if (from > 0 && inWord(plain.charCodeAt(from - 1))) continue;
      let to = from + term.length;
      while (to < plain.length && inWord(plain.charCodeAt(to))) to++;
      if (match === "word" && term !== plain.slice(from, Math.min(to, from + WORD_LENGTH))) continue;
      spans.set(from, { from, to });
    }
  return [...spans.values()].sort((a, b) => a.from - b.from);
}

/** A digit or a lower-case letter of ASCII. */
const inWord = (unit: number): boolean => (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x7a);

/** The run as a whole where one of its words matches; of a script without spaces, the characters that do. */
function matchesIn(run: string, at: number, terms: readonly Term[]): readonly Span[] {
  const pieces = piecesOf(run);
  const whole = pieces.some(
    ({ text, unspaced }) =>
      !unspaced && terms.some((term) => (term.match === "word" ? term.text === text : text.startsWith(term.text))),
  );
  if (whole) return [{ from: at, to: at + run.length }];
  // Folding may change lengths; then the places are not known and the run goes unmarked.
  const plain = folded(run);
  if (!pieces.some(({ unspaced }) => unspaced) || plain.length !== run.length) return [];
  const marked = new Uint8Array(run.length);
  for (const { text } of terms)
    for (let found = plain.indexOf(text); found >= 0; found = plain.indexOf(text, found + 1))
      marked.fill(1, found, found + text.length);
  const spans: Span[] = [];
  for (let from = marked.indexOf(1); from >= 0;) {
    const end = marked.indexOf(0, from);
    const to = end < 0 ? run.length : end;
    spans.push({ from: at + from, to: at + to });
    from = end < 0 ? -1 : marked.indexOf(1, to);
  }
  return spans;
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
