/** The log as rows. A level is a word, not a colour. */
import { visibleLine } from "#core/visible.js";
import { clockTime } from "../rlp/terminal/quantity.js";
import { cut, pad } from "../rlp/terminal/width.js";
import { position } from "./controls.js";
import type { LogLine } from "./model.js";
import type { Row } from "./row.js";

export function matchingLines(log: readonly LogLine[], filter: string): readonly LogLine[] {
  const wanted = filter.toLowerCase();
  return wanted === ""
    ? log
    : log.filter((line) => `${line.level} ${line.kind} ${line.node} ${line.text}`.toLowerCase().includes(wanted));
}

/** The `height` rows that end with the line at index `at` (null: the newest), moved `shift` characters to the left. */
export function logRows(lines: readonly LogLine[], at: number | null, shift: number, height: number): Row[] {
  const indices = lines.map(({ index }) => index);
  const last = Math.max(position(at, indices), Math.min(height, lines.length) - 1);
  return lines.slice(Math.max(0, last + 1 - height), last + 1).map((line): Row => {
    const time = line.tsMs === null ? " ".repeat(12) : clockTime(line.tsMs);
    const level = line.level === "info" ? "" : line.level;
    const text = visibleLine(line.text);
    const moved = shift === 0 ? text : [...text].slice(shift).join("");
    const head = `${time}  ${pad(level, 7)}  ${pad(cut(visibleLine(line.node), 16), 16)}  ${pad(line.kind, 16)}`;
    return { text: `${head}  ${moved}`, look: "plain", tone: line.level === "info" ? undefined : line.level };
  });
}
