/**
 * The lines in which two texts differ, as a person reads them. Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations",
 * 1986), forward only; texts that differ too much for it are shown whole, the old one and then the new.
 */
/** Lines around a difference that are shown with it. */
const CONTEXT = 3;
/** The work that finding a shortest script may take: it grows with the square of this. */
const MOST_EDITS = 200;

type Edit = { readonly sign: " " | "-" | "+"; readonly line: string };

/** Lines that begin with ` `, `-` or `+`, and `@@` lines that say where they stand. Nothing is left out but equal lines. */
export function diffLines(before: string, after: string): readonly string[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const same = (line: string): Edit => ({ sign: " ", line });
  const edits = [
    ...old.slice(Math.max(0, start - CONTEXT), start).map(same),
    ...middle(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end, Math.min(old.length, old.length - end + CONTEXT)).map(same),
  ];
  const first = Math.max(0, start - CONTEXT);
  return hunks(edits, first);
}

/** The last line's missing line feed is a difference, too. */
function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  else lines[lines.length - 1] += " (no line feed at the end)";
  return lines;
}

function middle(old: readonly string[], now: readonly string[]): readonly Edit[] {
  const trace = forward(old, now);
  if (!trace) return [...old.map((line): Edit => ({ sign: "-", line })), ...now.map((line): Edit => ({ sign: "+", line }))];
  const edits: Edit[] = [];
  let [x, y] = [old.length, now.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const reach = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : reach.get(from)!;
    const fromY = d === 0 ? 0 : fromX - from;
    const [turnX, turnY] = d === 0 ? [0, 0] : down ? [fromX, fromY + 1] : [fromX + 1, fromY];
    while (x > turnX && y > turnY) edits.push({ sign: " ", line: old[(y--, --x)]! });
    if (d === 0) break;
    edits.push(down ? { sign: "+", line: now[fromY]! } : { sign: "-", line: old[fromX]! });
    [x, y] = [fromX, fromY];
  }
  return edits.reverse();
}

/** For each number of edits how far each diagonal was reached before it; null where it would take too many. */
function forward(old: readonly string[], now: readonly string[]): readonly ReadonlyMap<number, number>[] | null {
  const trace: ReadonlyMap<number, number>[] = [];
  const reach = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= Math.min(old.length + now.length, MOST_EDITS); d++) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      let y = x - k;
      while (x < old.length && y < now.length && old[x] === now[y]) [x, y] = [x + 1, y + 1];
      reach.set(k, x);
      if (x >= old.length && y >= now.length) return trace;
    }
  }
  return null;
}

function hunks(edits: readonly Edit[], first: number): readonly string[] {
  const near = Array.from(edits, () => false);
  for (const [index, { sign }] of edits.entries())
    if (sign !== " ") near.fill(true, Math.max(0, index - CONTEXT), index + CONTEXT + 1);
  const out: string[] = [];
  let [oldLine, newLine] = [first + 1, first + 1];
  for (const [index, { sign, line }] of edits.entries()) {
    if (near[index]) {
      if (index === 0 || !near[index - 1]) out.push(`@@ from line ${oldLine}, now ${newLine} @@`);
      out.push(`${sign}${line}`);
    }
    if (sign !== "+") oldLine++;
    if (sign !== "-") newLine++;
  }
  return out;
}
