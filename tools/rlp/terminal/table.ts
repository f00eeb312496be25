/** Tables for people: columns as wide as they must be, the flexible one cut to what is left. */
import { visibleLine } from "#core/visible.js";
import type { Output } from "../output.js";
import { cut, pad, width } from "./width.js";

export interface Column<Row> {
  readonly title: string;
  /** The cell's text; hidden characters in it are made visible here. */
  readonly of: (row: Row) => string;
  /** Gives way where the table does not fit; at least `least` columns stay. */
  readonly flexible?: boolean;
  readonly right?: boolean;
  readonly paint?: (text: string, row: Row) => string;
}

const GAP = "  ";
const LEAST = 12;

/** Lines of a table that fits into `columns`, where that is possible at all. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], available: number): string[] {
  const cells = rows.map((row) => columns.map((column) => visibleLine(column.of(row))));
  const widths = columns.map((column, i) => Math.max(width(column.title), ...cells.map((line) => width(line[i] ?? ""))));
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (columns.length - 1) - available;
  for (const i of columns.map((_, index) => index).filter((index) => columns[index]?.flexible)) {
    const given = Math.max(0, Math.min(excess, (widths[i] ?? 0) - LEAST));
    widths[i] = (widths[i] ?? 0) - given;
    excess -= given;
  }
  const layOut = (line: readonly string[], row: Row | null): string =>
    columns
      .map((column, i) => {
        const text = cut(line[i] ?? "", widths[i] ?? 0);
        const space = " ".repeat(Math.max(0, (widths[i] ?? 0) - width(text)));
        const painted = row !== null && column.paint ? column.paint(text, row) : text;
        return column.right ? space + painted : painted + space;
      })
      .join(GAP)
      .trimEnd();
  return [
    layOut(
      columns.map(({ title }) => title),
      null,
    ),
    ...rows.map((row, at) => layOut(cells[at] ?? [], row)),
  ];
}

/** A table on a terminal, JSON otherwise (`record` gives a row's). `empty` is what a person reads where there are no rows. */
export function show<Row>(
  out: Output,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  empty: string,
  record: (row: Row) => unknown = (row) => row,
): void {
  if (!out.readable) {
    out.data(rows.map(record));
    return;
  }
  if (rows.length === 0) {
    out.note(empty);
    return;
  }
  const [head = "", ...lines] = table(rows, columns, out.columns);
  out.print([out.colours.bold(head), ...lines].join("\n"));
}

/** Names and values in two columns; hidden characters are made visible. */
export function sheet(pairs: readonly (readonly [name: string, value: string])[]): string {
  const widest = Math.max(...pairs.map(([name]) => width(name)));
  return pairs.map(([name, value]) => `${pad(name, widest)}  ${visibleLine(value)}`).join("\n");
}
