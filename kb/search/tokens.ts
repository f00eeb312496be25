/**
 * The words of a text, for the index, for queries and for the built-in embedder alike. Case and accents do not count; scripts that
 * are written without spaces, and Hangul, are taken apart into grams of three characters. FTS5 gets these tokens, each once more
 * with the name of its {@link Space} before it, so that its own tokenizer has nothing left to decide.
 */
import { address } from "../documents/addresses.js";

// Patterns with classes of Unicode are made where they are used: that takes a millisecond each, and most texts are ASCII.
const runs = (): RegExp => /[\p{L}\p{N}\p{M}]+/gu;
export const ASCII = /^[\0-\x7f]*$/;
/** Accents of the alphabets: they go. The vowel signs of Indic scripts and the kana's marks are letters of a word: they stay. */
const accents = (): RegExp =>
  /(?![\u3099\u309a])(?=\p{M})[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Cyrillic}]/gu;
const stretches = (): RegExp =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々〆]+/gu;
const GRAM = 3;
/** What is longer (digests, encoded bytes) is known by its beginning. */
export const WORD_LENGTH = 64;

/** Letters that Unicode does not take apart. */
const LETTERS: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

/** A run of letters and digits without case and accents; what is compatible is equal (ﬁ, ２, ㎏). */
export function folded(run: string): string {
  if (ASCII.test(run)) return run.toLowerCase();
  return run
    .normalize("NFKD")
    .replaceAll(accents(), "")
    .toLowerCase()
    .normalize("NFC")
    .replaceAll(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter]!);
}

/** A piece of a run: a word, or a stretch of a script without spaces. */
export interface Piece {
  readonly text: string;
  readonly unspaced: boolean;
}

/** A run in its pieces, folded. */
export function piecesOf(run: string): readonly Piece[] {
  if (ASCII.test(run)) return [{ text: run.toLowerCase().slice(0, WORD_LENGTH), unspaced: false }];
  const pieces: Piece[] = [];
  for (const [part] of folded(run).matchAll(runs())) {
    let at = 0;
    const word = (to: number) => {
      if (to > at) pieces.push({ text: part.slice(at, to).slice(0, WORD_LENGTH).toWellFormed(), unspaced: false });
    };
    for (const match of part.matchAll(stretches())) {
      word(match.index);
      pieces.push({ text: match[0], unspaced: true });
      at = match.index + match[0].length;
    }
    word(part.length);
  }
  return pieces;
}

/** In a text of ASCII there are no letters but these. */
export const runsOf = (text: string): IterableIterator<RegExpExecArray> =>
  text.matchAll(ASCII.test(text) ? /[A-Za-z0-9]+/g : runs());

/**
 * The grams of a stretch: three characters from each place on, fewer at its end. With `whole`, only those of three, which are
 * enough to look for a stretch that has as many.
 */
export function gramsOf(stretch: string, whole = false): readonly string[] {
  const characters = [...stretch];
  const grams = characters.map((_, at) => characters.slice(at, at + GRAM).join(""));
  return whole && characters.length >= GRAM ? grams.slice(0, characters.length - GRAM + 1) : grams;
}

/** Whether a stretch is too short to be looked up by whole grams: then grams that begin with it are. */
export const isShort = (stretch: string): boolean => [...stretch].length < GRAM;

/** The tokens of a text, addresses and all, in order. */
export function tokensOf(text: string): readonly string[] {
  if (ASCII.test(text)) {
    const words: string[] = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    for (let at = 0; at < words.length; at++) if (words[at]!.length > WORD_LENGTH) words[at] = words[at]!.slice(0, WORD_LENGTH);
    return words;
  }
  return [...runsOf(text)].flatMap(([run]) => piecesOf(run).flatMap(({ text, unspaced }) => (unspaced ? gramsOf(text) : [text])));
}

/**
 * A part of the index. Each domain has its own: a search touches those of the domains that it may see and no others, so neither
 * its answer nor its time depends on what the rest holds. What stands in e-mail addresses is apart once more, for those who may
 * see addresses: otherwise a search for `jo`, `joh`, `john` would read out what the mask hides.
 */
export interface Space {
  readonly words: string;
  readonly addresses: string;
}

/** From a domain's number, from 1. Private-use characters end the names: no token has one. */
export function spaceOf(domain: number): Space {
  const name = domain.toString(36);
  return { words: `${name}\ue000`, addresses: `${name}\ue001` };
}

/** A text as FTS5 gets it, and how many of its tokens everybody may find. */
export function indexLine(text: string, { words, addresses }: Space): { readonly line: string; readonly count: number } {
  let line = "";
  let count = 0;
  const add = (part: string, space: string): void => {
    const tokens = tokensOf(part);
    if (tokens.length > 0) line += `${line === "" ? "" : " "}${space}${tokens.join(` ${space}`)}`;
    if (space === words) count += tokens.length;
  };
  let at = 0;
  if (text.includes("@"))
    for (const match of text.matchAll(address())) {
      add(text.slice(at, match.index), words);
      add(match[0], addresses);
      at = match.index + match[0].length;
    }
  add(at === 0 ? text : text.slice(at), words);
  return { line, count };
}
