const TASK = /^\s*(?:-\s*\[ \]|TODO:?)\s+(.+?)\s*$/;
const DUE = /\s*\(by (\d{4}-\d{2}-\d{2})\)/;

/** Tasks with a date first, the earliest before the others. `today`: a date as in `2026-01-31`. */
export function tasksIn(notes, today) {
  return notes
    .split("\n")
    .flatMap((line) => TASK.exec(line)?.[1] ?? [])
    .map((text) => {
      const due = DUE.exec(text)?.[1] ?? null;
      return { what: text.replace(DUE, ""), due, late: due !== null && due < today };
    })
    .toSorted((a, b) => ((a.due ?? "9999") < (b.due ?? "9999") ? -1 : a.due === b.due ? 0 : 1));
}
