/**
 * Which regular expressions a schema may hold.
 *
 * Schemas come with strangers' bundles, and the engine that runs their patterns backtracks: one bad pattern stops the process for
 * seconds (`docs/threat-model.md` 13). So a pattern is read here first and its worst case is worked out:
 *
 * 1. At most 256 characters; no back-references, no lookaround, no inline flags.
 * 2. What is repeated more than once holds no alternation and no quantifier but `{n}`: no nested quantifiers.
 * 3. A quantifier is ambiguous where what it repeats can also begin what follows it. Each unbounded ambiguous quantifier, and an
 *    unbounded quantifier in a pattern that does not begin with `^`, raises the degree of the run time by one. The degree is at
 *    most 2.
 * 4. Ambiguous alternatives and small ambiguous quantifiers multiply the run time, by at most 64 in all.
 *
 * A pattern of degree 1 is tried on strings of up to 16,384 characters, one of degree 2 on up to 320 (the longest mail address);
 * a longer string does not match.
 */

export interface SafePattern {
  /** The pattern with the bound on the string's length built in, for the flag `u`. */
  readonly source: string;
  readonly degree: 1 | 2;
}
export type PatternVerdict = { readonly ok: true; readonly pattern: SafePattern } | { readonly ok: false; readonly why: string };

const LENGTH = 256;
const FACTOR = 64;
/** Characters that the pattern itself can span, repetitions written out. */
const WIDTH = 4096;
const SMALL = 16;
export const longestTried = { 1: 16_384, 2: 320 } as const;

export function safePattern(text: string): PatternVerdict {
  if (text.length > LENGTH) return { ok: false, why: `it is longer than ${LENGTH} characters` };
  try {
    // The engine's own parser decides what is a pattern; the one below only works out what it costs.
    void new RegExp(text, "u");
    const tree = new PatternParser(text).parse();
    const cost = { degree: 1, factor: 1 };
    charge(tree, NONE, cost);
    const anchored = startsAnchored(tree);
    if (!anchored && repeatsMuch(tree)) cost.degree++;
    if (cost.degree > 2 || cost.factor > FACTOR) return { ok: false, why: "its run time can grow too fast with the string" };
    if (widthOf(tree) > WIDTH) return { ok: false, why: "its repetitions are too large" };
    const degree = cost.degree === 1 ? 1 : 2;
    const bound = `^(?![^]{${longestTried[degree] + 1}})`;
    return { ok: true, pattern: { source: anchored ? `${bound}(?:${text})` : `${bound}[^]*?(?:${text})`, degree } };
  } catch (error) {
    if (error instanceof Refused || error instanceof SyntaxError) return { ok: false, why: error.message };
    throw error;
  }
}

class Refused extends Error {}

/** 128 bits for ASCII, one for everything else. Sets are never too small, so an overlap is never overlooked. */
type CharSet = bigint;
const NONE: CharSet = 0n;
const OTHER: CharSet = 1n << 128n;
const ALL: CharSet = (1n << 129n) - 1n;
const of = (code: number): CharSet => (code < 128 ? 1n << BigInt(code) : OTHER);
const range = (from: number, to: number): CharSet => {
  let set = to >= 128 ? OTHER : NONE;
  for (let code = from; code <= Math.min(to, 127); code++) set |= of(code);
  return set;
};
const DIGIT = range(0x30, 0x39);
const WORD = DIGIT | range(0x41, 0x5a) | range(0x61, 0x7a) | of(0x5f);
const SPACE = range(0x09, 0x0d) | of(0x20) | OTHER;
const not = (set: CharSet): CharSet => (ALL ^ set) | OTHER;

type Pattern =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "start" }
  /** `$`, `\b`, `\B`: match nothing, and do not hold the beginning. */
  | { readonly kind: "assertion" }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "alternatives"; readonly branches: readonly Pattern[] }
  | { readonly kind: "repeat"; readonly part: Pattern; readonly min: number; readonly max: number };

class PatternParser {
  #at = 0;
  readonly #text: readonly string[];

  constructor(text: string) {
    this.#text = Array.from(text);
  }

  parse(): Pattern {
    return this.#alternatives();
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }
  #next(): string {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new Refused("it ends too early");
    return character;
  }
  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #alternatives(): Pattern {
    const branches = [this.#sequence()];
    while (this.#take("|")) branches.push(this.#sequence());
    const [only] = branches;
    return branches.length === 1 && only ? only : { kind: "alternatives", branches };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek())
      parts.push(this.#quantified());
    return { kind: "sequence", parts };
  }

  #quantified(): Pattern {
    const part = this.#atom();
    const bounds = this.#bounds();
    if (!bounds) return part;
    this.#take("?"); // lazy: tries the same in another order
    const { min, max } = bounds;
    if (max > 1 && !isFixed(part)) throw new Refused("a part that is repeated holds another quantifier or alternatives");
    return { kind: "repeat", part, min, max };
  }

  #bounds(): { min: number; max: number } | null {
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (!this.#take("{")) return null;
    let digits = "";
    while (!this.#take("}")) digits += this.#next();
    const [, min = "", comma, max = ""] = /^([0-9]{1,6})(,)?([0-9]{0,6})$/.exec(digits) ?? [];
    if (min === "") throw new Refused(`the quantifier {${digits}} is too large`);
    return { min: Number(min), max: comma === undefined ? Number(min) : max === "" ? Infinity : Number(max) };
  }

  #atom(): Pattern {
    const character = this.#next();
    switch (character) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "assertion" };
      case ".":
        return { kind: "set", set: not(of(0x0a) | of(0x0d)) };
      case "(":
        return this.#group();
      case "[":
        return { kind: "set", set: this.#characterClass() };
      case "\\":
        if (this.#take("b") || this.#take("B")) return { kind: "assertion" };
        return { kind: "set", set: this.#escape().set };
      default:
        return { kind: "set", set: of(character.codePointAt(0) ?? 0) };
    }
  }

  #group(): Pattern {
    if (this.#take("?")) {
      if (this.#take("<")) {
        if (this.#peek() === "=" || this.#peek() === "!") throw new Refused("it looks behind");
        while (!this.#take(">")) this.#next();
      } else if (!this.#take(":"))
        throw new Refused(this.#peek() === "=" || this.#peek() === "!" ? "it looks ahead" : "it changes flags");
    }
    const inner = this.#alternatives();
    this.#next(); // the closing parenthesis: the engine's parser has seen that it is there
    return inner;
  }

  #characterClass(): CharSet {
    const negated = this.#take("^");
    let set = NONE;
    while (!this.#take("]")) {
      const from = this.#member();
      if (this.#peek() === "-" && this.#text[this.#at + 1] !== "]" && from.code !== null) {
        this.#at++;
        const to = this.#member();
        set |= range(from.code, to.code ?? 0x10ffff);
      } else set |= from.set;
    }
    return negated ? not(set) : set;
  }

  #member(): { set: CharSet; code: number | null } {
    const character = this.#next();
    if (character === "\\") {
      if (this.#take("b")) return { set: of(8), code: 8 };
      return this.#escape();
    }
    const code = character.codePointAt(0) ?? 0;
    return { set: of(code), code };
  }

  /** Behind a backslash. `code` where it is one character. */
  #escape(): { set: CharSet; code: number | null } {
    const letter = this.#next();
    const named = { d: DIGIT, D: not(DIGIT), w: WORD, W: not(WORD), s: SPACE, S: not(SPACE & ~OTHER) }[letter];
    if (named !== undefined) return { set: named, code: null };
    if (letter === "p" || letter === "P") {
      while (this.#next() !== "}");
      return { set: ALL, code: null };
    }
    if (letter === "k" || (letter >= "1" && letter <= "9")) throw new Refused("it refers back to a group");
    const single = (code: number): { set: CharSet; code: number } => ({ set: of(code), code });
    const control = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 }[letter];
    if (control !== undefined) return single(control);
    if (letter === "c") return single(this.#next().charCodeAt(0) & 31);
    if (letter === "x") return single(Number.parseInt(this.#next() + this.#next(), 16));
    if (letter !== "u") return single(letter.codePointAt(0) ?? 0);
    let digits = "";
    if (this.#take("{")) while (!this.#take("}")) digits += this.#next();
    else digits = this.#next() + this.#next() + this.#next() + this.#next();
    return single(Number.parseInt(digits, 16));
  }
}

/** One length, one way to match. */
function isFixed(pattern: Pattern): boolean {
  switch (pattern.kind) {
    case "sequence":
      return pattern.parts.every(isFixed);
    case "alternatives":
      return false;
    case "repeat":
      return pattern.min === pattern.max && isFixed(pattern.part);
    default:
      return true;
  }
}

/** What a match can begin with, and whether it can be empty. */
function firstOf(pattern: Pattern): { set: CharSet; empty: boolean } {
  switch (pattern.kind) {
    case "set":
      return { set: pattern.set, empty: false };
    case "start":
    case "assertion":
      return { set: NONE, empty: true };
    case "sequence": {
      let set = NONE;
      for (const part of pattern.parts) {
        const first = firstOf(part);
        set |= first.set;
        if (!first.empty) return { set, empty: false };
      }
      return { set, empty: true };
    }
    case "alternatives": {
      const firsts = pattern.branches.map(firstOf);
      return { set: firsts.reduce((set, first) => set | first.set, NONE), empty: firsts.some((first) => first.empty) };
    }
    case "repeat": {
      const first = firstOf(pattern.part);
      return { set: first.set, empty: first.empty || pattern.min === 0 };
    }
  }
}

/** Adds up rules 3 and 4. `follow`: what can come behind this part. */
function charge(pattern: Pattern, follow: CharSet, cost: { degree: number; factor: number }): void {
  switch (pattern.kind) {
    case "sequence": {
      let behind = follow;
      for (const part of [...pattern.parts].reverse()) {
        charge(part, behind, cost);
        const first = firstOf(part);
        behind = first.empty ? first.set | behind : first.set;
      }
      return;
    }
    case "alternatives": {
      let seen = NONE;
      let ambiguous = false;
      for (const branch of pattern.branches) {
        const first = firstOf(branch);
        const set = first.empty ? first.set | follow : first.set;
        if ((seen & set) !== NONE || (first.empty && set === NONE)) ambiguous = true;
        seen |= set;
        charge(branch, follow, cost);
      }
      if (ambiguous) cost.factor *= pattern.branches.length;
      return;
    }
    case "repeat": {
      const { min, max, part } = pattern;
      charge(part, follow, cost);
      if (min === max) return;
      const first = firstOf(part);
      if (!first.empty && (first.set & follow) === NONE) return;
      if (max - min < SMALL) cost.factor *= max - min + 1;
      else cost.degree++;
    }
  }
}

function startsAnchored(pattern: Pattern): boolean {
  if (pattern.kind === "start") return true;
  if (pattern.kind === "sequence") return pattern.parts[0] !== undefined && startsAnchored(pattern.parts[0]);
  return pattern.kind === "alternatives" && pattern.branches.every(startsAnchored);
}

function repeatsMuch(pattern: Pattern): boolean {
  if (pattern.kind === "sequence") return pattern.parts.some(repeatsMuch);
  if (pattern.kind === "alternatives") return pattern.branches.some(repeatsMuch);
  return pattern.kind === "repeat" && (pattern.max > SMALL || repeatsMuch(pattern.part));
}

function widthOf(pattern: Pattern): number {
  if (pattern.kind === "sequence") return pattern.parts.reduce((sum, part) => sum + widthOf(part), 0);
  if (pattern.kind === "alternatives") return pattern.branches.reduce((sum, branch) => sum + widthOf(branch), 0);
  if (pattern.kind !== "repeat") return 1;
  return Math.max(1, pattern.max === Infinity ? pattern.min : pattern.max) * Math.max(1, widthOf(pattern.part));
}
