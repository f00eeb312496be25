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

import { NONE, PatternParser, Refused, type CharSet, type Pattern } from "./pattern-tree.js";

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
