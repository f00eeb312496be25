/** What was measured, as a table for a person or as data. */
import { met, table, unmeasured, type Figure, type Goal, type Measured, type Part, type Unit } from "./table.js";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted to run in the minute before: more than `cores` means that others measured along. */
  readonly load: number;
}

/** A part that could not be measured has the reason in place of its figures. */
export type Outcome = Measured | { readonly failed: string };
export type Outcomes = ReadonlyMap<Part, Outcome>;

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: true });

export function formatValue(value: number, unit: Unit): string {
  const text = number.format(value);
  return unit === "/s" || unit === "×" ? `${text}${unit}` : `${text} ${unit}`;
}

/** A goal is a round number and is not rounded again. */
const formatGoal = ({ is, value }: Goal, unit: Unit): string =>
  `${is === "at most" ? "≤" : "≥"} ${value.toLocaleString("en")}${unit === "/s" || unit === "×" ? "" : " "}${unit}`;

const HEADINGS = ["what", "neighbours say", "goal", "measured", ""] as const;

export function renderTable(outcomes: Outcomes, machine: Machine): string {
  const rows = [...outcomes].map(([part, outcome]) => ({ part, cells: cellsOf(part, outcome), notes: notesOf(outcome) }));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.flatMap(({ cells }) => cells.map((row) => row[column]!.length))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      // Numbers stand under each other by their last digit.
      .map((cell, column) => (column === 0 || column === 4 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd();
  return [
    `${machine.cpu}, ${machine.cores} cores, ${number.format(machine.memoryGib)} GiB, ${machine.system}, Node ${machine.node}, load ${number.format(machine.load)}`,
    "",
    line(HEADINGS),
    widths.map((width) => "─".repeat(width)).join("  "),
    ...rows.flatMap(({ cells, notes }) => [...cells.map(line), ...notes.map((note) => `    ${note}`)]),
    "",
    "Not measured:",
    ...unmeasured.map(({ what, why }) => `    ${what}: ${why}`),
    "",
  ].join("\n");
}

function figuresOf(part: Part): readonly (readonly [key: string, figure: Figure])[] {
  return Object.entries(table[part]);
}

function cellsOf(part: Part, outcome: Outcome): string[][] {
  return figuresOf(part).map(([key, { what, neighbours, unit, goal }]) => {
    const value = valueOf(outcome, key);
    const verdict = value === null ? "failed" : goal === null ? "" : met(goal, value) ? "met" : "MISSED";
    return [
      what,
      neighbours,
      goal === null ? "" : formatGoal(goal, unit),
      value === null ? "—" : formatValue(value, unit),
      verdict,
    ];
  });
}

function valueOf(outcome: Outcome, key: string): number | null {
  return "failed" in outcome ? null : ((outcome.values as Record<string, number>)[key] ?? null);
}

const notesOf = (outcome: Outcome): readonly string[] => ("failed" in outcome ? [outcome.failed] : outcome.beside);

/** The same as data: `value` is null and `failed` says why where a part could not be measured. */
export function renderJson(outcomes: Outcomes, machine: Machine): string {
  const figures = [...outcomes].flatMap(([part, outcome]) =>
    figuresOf(part).map(([key, { what, neighbours, unit, goal }]) => {
      const value = valueOf(outcome, key);
      return {
        part,
        figure: key,
        what,
        neighbours,
        unit,
        goal,
        value,
        met: goal === null ? null : value !== null && met(goal, value),
      };
    }),
  );
  const failed = [...outcomes].flatMap(([part, outcome]) => ("failed" in outcome ? [{ part, why: outcome.failed }] : []));
  const beside = Object.fromEntries([...outcomes].map(([part, outcome]) => [part, "failed" in outcome ? [] : outcome.beside]));
  return `${JSON.stringify({ machine, figures, beside, failed, unmeasured }, null, 2)}\n`;
}
