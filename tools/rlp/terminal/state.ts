/** States of nodes and runs as a person sees them: a mark, a word, a colour. The word alone is enough. */
import type { Colours } from "./colours.js";

export type Shown =
  | "pending"
  | "running"
  | "retrying"
  | "waiting"
  | "ok"
  | "error"
  | "skipped"
  | "cancelled"
  | "parked"
  | "interrupted";

const marks: Readonly<Record<Shown, readonly [unicode: string, plain: string]>> = {
  pending: ["·", "."],
  running: ["▸", ">"],
  retrying: ["↻", "~"],
  waiting: ["?", "?"],
  ok: ["✓", "+"],
  error: ["✗", "x"],
  skipped: ["–", "-"],
  cancelled: ["■", "#"],
  parked: ["‖", "="],
  interrupted: ["‖", "="],
};

export function mark(state: Shown, unicode: boolean): string {
  return marks[state][unicode ? 0 : 1];
}

export function paint(state: Shown, text: string, colours: Colours): string {
  switch (state) {
    case "ok":
      return colours.green(text);
    case "error":
    case "cancelled":
      return colours.red(text);
    case "waiting":
    case "retrying":
    case "parked":
    case "interrupted":
      return colours.yellow(text);
    case "running":
      return colours.cyan(text);
    case "pending":
    case "skipped":
      return colours.dim(text);
  }
}
