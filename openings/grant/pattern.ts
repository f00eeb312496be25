/** Patterns of model names: `*` stands for any run of characters, everything else for itself. */

/** Linear: the pattern is cut at its stars. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return pattern === text;
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/**
 * Patterns that match what both match. Exact where one covers the other or each has one star; else nothing: two patterns that cross
 * in a more tangled way have no short common form, and what cannot be written down is not granted.
 */
export function meetPatterns(a: string, b: string): readonly string[] {
  // The other's star is a character that only a star of ours can take in: so this is "covers".
  if (matchesPattern(a, b)) return [b];
  if (matchesPattern(b, a)) return [a];
  const [left, right] = [a.split("*"), b.split("*")];
  if (left.length !== 2 || right.length !== 2) return [];
  const prefix = longer(left[0] ?? "", right[0] ?? "", (long, short) => long.startsWith(short));
  const suffix = longer(left[1] ?? "", right[1] ?? "", (long, short) => long.endsWith(short));
  if (prefix === null || suffix === null) return [];
  const found = [`${prefix}*${suffix}`];
  // Texts in which the two ends overlap are too short for that pattern.
  for (let shared = 1; shared <= Math.min(prefix.length, suffix.length); shared++) {
    const text = prefix + suffix.slice(shared);
    if (prefix.endsWith(suffix.slice(0, shared)) && matchesPattern(a, text) && matchesPattern(b, text)) found.push(text);
  }
  return found;
}

function longer(a: string, b: string, holds: (long: string, short: string) => boolean): string | null {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return holds(long, short) ? long : null;
}
