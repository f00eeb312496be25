/** Suggestions for misspelt names. */

/**
 * The candidate that is closest to `word` by Damerau–Levenshtein distance (a transposition of neighbours counts once), or
 * undefined where none is close enough to be meant: one mistake in three characters, at most three.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.slice(0, LONGEST).toLowerCase();
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    // The distance is at least the difference of the lengths.
    if (Math.abs(Math.min(candidate.length, LONGEST) - wanted.length) >= least) continue;
    const distance = editDistance(wanted, candidate.slice(0, LONGEST).toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Longer words are compared by their beginnings: the distance takes time proportional to the product of the lengths. */
const LONGEST = 64;

/** Optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
