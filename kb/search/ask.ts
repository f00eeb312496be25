/** A person's words, made definite: terms to score, and phrases that must be there. Nothing that anybody types is an error. */
import { gramsOf, isShort, piecesOf, runsOf } from "./tokens.js";

/** `prefix`: words that begin so count, as half. `gram`: grams that begin so count in full. */
export type Match = "word" | "prefix" | "gram";
export interface Term {
  readonly text: string;
  readonly match: Match;
}
export interface Ask {
  readonly terms: readonly Term[];
  /** Tokens that must follow one another; with `open`, the last may be a beginning. */
  readonly phrases: readonly { readonly tokens: readonly string[]; readonly open: boolean }[];
  /** What was typed, cut to what is read of it. */
  readonly text: string;
}

/** More of a query than this adds cost and no meaning. */
const QUERY_LENGTH = 4096;
const QUERY_TERMS = 64;
const QUERY_PHRASES = 8;
/** The last word may be a beginning from this length on; one with a `*` behind it from two letters on. */
const LAST_PREFIX = 3;
const STAR_PREFIX = 2;

// Left out where a query has other words too. A fixed list and not a frequency: what is frequent changes with later rows.
export const stopWords: ReadonlySet<string> = new Set(
  "a an and are as at be but by for from has have if in into is it its no not of on or our so such that the their then there these they this to was we were what when where which who will with you your".split(
    " ",
  ),
);

/** Words in double quotes are a phrase, a `*` right behind a word makes it a beginning; every other character only parts words. */
export function readAsk(given: string): Ask {
  const text = given.slice(0, QUERY_LENGTH).replaceAll("\0", " ");
  const all = dropTwice(termsOf(text)).slice(0, QUERY_TERMS);
  const telling = all.filter(({ text, match }) => match !== "word" || !stopWords.has(text));
  const terms = telling.length > 0 ? telling : all;
  const last = all.at(-1);
  const open = last?.match === "word" && terms.at(-1) === last && last.text.length >= LAST_PREFIX && !/"\s*$/.test(text);
  return {
    terms: open ? [...terms.slice(0, -1), { text: last.text, match: "prefix" }] : terms,
    phrases: [...text.matchAll(/"([^"]*)"/g)]
      .map(([, quoted]) => phraseOf(quoted ?? ""))
      .filter(({ tokens }) => tokens.length > 0)
      .slice(0, QUERY_PHRASES),
    text,
  };
}

function termsOf(text: string): Term[] {
  return [...runsOf(text)].flatMap((run) => {
    const starred = text[run.index + run[0].length] === "*";
    const pieces = piecesOf(run[0]);
    return pieces.flatMap(({ text: piece, unspaced }, index): Term[] => {
      if (unspaced)
        return gramsOf(piece, true)
          .map((gram) => ({ text: gram, match: isShort(gram) ? "gram" : "word" }))
          .slice(0, isShort(piece) ? 1 : undefined) as Term[];
      const prefix = starred && index === pieces.length - 1 && piece.length >= STAR_PREFIX;
      return [{ text: piece, match: prefix ? "prefix" : "word" }];
    });
  });
}

function dropTwice(terms: readonly Term[]): Term[] {
  const seen = new Map<string, Term>();
  for (const term of terms) if (seen.get(term.text)?.match !== "prefix") seen.set(term.text, term);
  return [...seen.values()];
}

/** A stretch without spaces is indexed with its ends: as a part of a longer one it has whole grams only. */
function phraseOf(quoted: string): { readonly tokens: readonly string[]; readonly open: boolean } {
  const pieces = [...runsOf(quoted)].flatMap(([run]) => piecesOf(run));
  const last = pieces.at(-1);
  const tokens = pieces.flatMap(({ text, unspaced }, index) =>
    unspaced
      ? gramsOf(text, index === pieces.length - 1 && !isShort(text)).slice(
          0,
          isShort(text) && index === pieces.length - 1 ? 1 : undefined,
        )
      : [text],
  );
  return { tokens: tokens.slice(0, QUERY_TERMS), open: last !== undefined && last.unspaced && isShort(last.text) };
}
