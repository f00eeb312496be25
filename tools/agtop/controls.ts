/** What keys do: a pure step from one state of the controls to the next. */

export type Pane = "plan" | "log";
export const panes: readonly Pane[] = ["plan", "log"];

export interface Controls {
  readonly pane: Pane;
  /** The selected row of the plan. */
  readonly planRow: number;
  /** Index of the last log line to show; null follows the newest. */
  readonly logAt: number | null;
  /** Columns that the log is moved to the left. */
  readonly shift: number;
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  readonly help: boolean;
}

export const firstControls: Controls = {
  pane: "plan",
  planRow: 0,
  logAt: null,
  shift: 0,
  filter: "",
  typing: false,
  help: false,
};

/** A key, by name where it has one, else the text that was typed or pasted. */
export type Key =
  | "tab"
  | "shift-tab"
  | "up"
  | "down"
  | "left"
  | "right"
  | "page-up"
  | "page-down"
  | "enter"
  | "escape"
  | "backspace"
  | { readonly text: string };

/** What the screen shows now: moving needs to know where the ends are. */
export interface Shown {
  readonly planRows: number;
  /** Indices of the log lines that pass the filter, ascending. */
  readonly logIndices: readonly number[];
  readonly pageRows: number;
}

export type Effect = "quit" | "pause" | null;

const FILTER_CHARACTERS = 200;
const moves: Readonly<Record<string, Key>> = { h: "left", j: "down", k: "up", l: "right" };

export function press(controls: Controls, key: Key, shown: Shown): readonly [Controls, Effect] {
  if (controls.typing) return [type(controls, key), null];
  if (typeof key === "object") {
    const move = moves[key.text];
    if (move !== undefined) return [step(controls, move, shown), null];
    switch (key.text) {
      case "q":
        return [controls, "quit"];
      case ".":
        return [controls, "pause"];
      case "/":
        return [{ ...controls, typing: true, help: false }, null];
      case "?":
        return [{ ...controls, help: !controls.help }, null];
      default:
        return [controls, null];
    }
  }
  return [step(controls, key, shown), null];
}

function type(controls: Controls, key: Key): Controls {
  if (typeof key === "object")
    return { ...controls, filter: (controls.filter + key.text).slice(0, FILTER_CHARACTERS), planRow: 0 };
  switch (key) {
    case "enter":
      return { ...controls, typing: false };
    case "escape":
      return { ...controls, typing: false, filter: "", planRow: 0 };
    case "backspace":
      return { ...controls, filter: [...controls.filter].slice(0, -1).join(""), planRow: 0 };
    default:
      return controls;
  }
}

function step(controls: Controls, key: Key, shown: Shown): Controls {
  switch (key) {
    case "tab":
      return { ...controls, pane: other(controls.pane, 1) };
    case "shift-tab":
      return { ...controls, pane: other(controls.pane, -1) };
    case "escape":
      return controls.help ? { ...controls, help: false } : { ...controls, filter: "", planRow: 0 };
    case "up":
      return move(controls, -1, shown);
    case "down":
      return move(controls, 1, shown);
    case "page-up":
      return move(controls, -shown.pageRows, shown);
    case "page-down":
      return move(controls, shown.pageRows, shown);
    case "left":
      return { ...controls, shift: Math.max(0, controls.shift - 8) };
    case "right":
      return { ...controls, shift: Math.min(2000, controls.shift + 8) };
    default:
      return controls;
  }
}

const other = (pane: Pane, by: number): Pane => panes[(panes.indexOf(pane) + by + panes.length) % panes.length] ?? pane;

function move(controls: Controls, by: number, { planRows, logIndices }: Shown): Controls {
  if (controls.pane === "plan") return { ...controls, planRow: Math.max(0, Math.min(planRows - 1, controls.planRow + by)) };
  const at = position(controls.logAt, logIndices) + by;
  // Down past the newest line follows again.
  if (at >= logIndices.length - 1) return { ...controls, logAt: null };
  return { ...controls, logAt: logIndices[Math.max(0, at)] ?? null };
}

/** The place in `indices` (ascending) of the last one that is not beyond `at`; 0 when all are, because the ring dropped what was shown. */
export function position(at: number | null, indices: readonly number[]): number {
  if (at === null) return indices.length - 1;
  let low = 0;
  let high = indices.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((indices[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
