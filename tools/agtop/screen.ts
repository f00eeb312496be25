/** The whole screen as rows: a pure function of what is known, what was pressed, and the size of the terminal. */
import { visibleLine } from "#core/visible.js";
import { duration } from "../rlp/terminal/quantity.js";
import { mark } from "../rlp/terminal/state.js";
import { cut } from "../rlp/terminal/width.js";
import type { Controls, Pane, Shown } from "./controls.js";
import { logRows, matchingLines } from "./log.js";
import { LOG_LINES, type Model } from "./model.js";
import { inOrder, matching, planRows } from "./plan.js";
import type { Row } from "./row.js";
import type { Snapshot } from "./store.js";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Screen {
  readonly rows: readonly Row[];
  readonly shown: Shown;
}

/** On fewer rows than this only the pane with the focus is shown. */
const BOTH = 12;

const HELP: readonly string[] = [
  "Tab, Shift-Tab   the other pane",
  "arrows, h j k l  move; left and right shift the log",
  "Page Up, Down    move by a page",
  "/                filter both panes; Enter keeps it, Esc clears it",
  ".                pause and go on; what arrives meanwhile is not lost",
  "?                this help",
  "q                quit",
];

export function drawScreen(snapshot: Snapshot, controls: Controls, size: Size, unicode: boolean): Screen {
  const { model } = snapshot;
  const plan = matching(inOrder(model.nodes), controls.filter);
  const lines = matchingLines(model.log, controls.filter);
  const selected = Math.max(0, Math.min(controls.planRow, plan.length - 1));

  // One row each for the run and the status; a title for each pane, and the plan's heading.
  const space = Math.max(2, size.rows - 2);
  const both = size.rows >= BOTH && !controls.help;
  const planHeight = both ? Math.max(1, Math.min(plan.length, Math.floor((space - 3) / 2))) : Math.max(1, space - 2);
  const logHeight = both ? space - 3 - planHeight : Math.max(1, space - 1);

  const title = (pane: Pane, text: string): Row => ({
    text: `${controls.pane === pane ? (unicode ? "▸" : ">") : " "} ${text}`,
    look: controls.pane === pane ? "title" : "dim",
  });
  const planPane = (): Row[] => [
    title(
      "plan",
      `Plan  ${part(plan.length, model.nodes.size, "node")}${model.hiddenNodes > 0 ? "  more nodes than agtop keeps" : ""}`,
    ),
    ...planRows(plan, model, selected, planHeight, unicode),
  ];
  const logPane = (): Row[] => {
    const dropped = model.events + model.invalid - model.log.length;
    const kept = dropped > 0 ? `  the last ${LOG_LINES} of ${model.events + model.invalid}` : "";
    const behind = controls.logAt === null ? "" : "  (not following: down past the end follows again)";
    return [
      title("log", `Log  ${part(lines.length, model.log.length, "line")}${kept}${behind}`),
      ...logRows(lines, controls.logAt, controls.shift, logHeight),
    ];
  };

  const middle = controls.help
    ? HELP.map((text): Row => ({ text: `  ${text}`, look: "plain" }))
    : both
      ? [...planPane(), ...logPane()]
      : controls.pane === "plan"
        ? planPane()
        : logPane();
  const filled = [runRow(model, unicode), ...middle.slice(0, space)];
  while (filled.length < size.rows - 1) filled.push({ text: "", look: "plain" });
  const rows = [...filled.slice(0, size.rows - 1), statusRow(snapshot, controls)];
  return {
    rows: rows.map((row) => ({ ...row, text: cut(row.text, size.columns) })),
    shown: {
      planRows: plan.length,
      logIndices: lines.map(({ index }) => index),
      pageRows: controls.pane === "plan" ? planHeight : logHeight,
    },
  };
}

function part(shown: number, all: number, noun: string): string {
  const nouns = all === 1 ? noun : `${noun}s`;
  return shown === all ? `${all} ${nouns}` : `${shown} of ${all} ${nouns}`;
}

function runRow({ run, nowMs, runs }: Model, unicode: boolean): Row {
  if (run === null) return { text: "agtop  waiting for events", look: "title" };
  const elapsed = duration(Math.max(0, (run.endedMs ?? nowMs) - run.startedMs));
  const name = visibleLine(run.name === "" ? "a run joined half-way" : run.name);
  const others = runs > 1 ? `  (the last of ${runs} runs)` : "";
  return {
    text: `${mark(run.state, unicode)} ${run.state}  ${name}  ${elapsed}  ${visibleLine(run.traceId)}${others}`,
    look: "title",
    tone: run.state,
  };
}

function statusRow({ model, paused, ended }: Snapshot, { filter, typing }: Controls): Row {
  const parts = [
    paused ? "PAUSED" : ended ? "input ended" : "live",
    `${model.events} events`,
    model.invalid > 0 ? `${model.invalid} invalid line${model.invalid === 1 ? "" : "s"}` : "",
    model.others > 0 ? `${model.others} of other runs` : "",
    typing ? `filter: ${visibleLine(filter)}_` : filter === "" ? "" : `filter: ${visibleLine(filter)} (Esc clears)`,
    "? help  q quit",
  ];
  return { text: parts.filter((text) => text !== "").join("  |  "), look: "dim" };
}
