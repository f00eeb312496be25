/** A regular expression (flag `u`) as a tree of what it matches with, for working out what it costs. Captures, names and laziness are left out. */

/** A pattern that is well-formed and not taken. */
export class Refused extends Error {}

/** 128 bits for ASCII, one for everything else. Sets are never too small, so an overlap is never overlooked. */
export type CharSet = bigint;
export const NONE: CharSet = 0n;
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

export type Pattern =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "start" }
  /** `$`, `\b`, `\B`: match nothing, and do not hold the beginning. */
  | { readonly kind: "assertion" }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "alternatives"; readonly branches: readonly Pattern[] }
  | { readonly kind: "repeat"; readonly part: Pattern; readonly min: number; readonly max: number };

/** Reads what `new RegExp(text, "u")` has taken: it is not asked whether a pattern is well-formed. */
export class PatternParser {
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
