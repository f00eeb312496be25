/** Which code of a function can be reached: calls elsewhere bind nobody. */
import { Op, type Step } from "./decode.js";

interface Frame {
  readonly op: number;
  readonly start: boolean;
  reached: boolean;
}

/** The functions that reachable code calls directly, in its order. */
export function calleesOf(steps: readonly Step[]): number[] {
  const callees: number[] = [];
  const frames: Frame[] = [{ op: Op.block, start: true, reached: false }];
  let live = true;
  const reach = (label: number): void => {
    const frame = frames[frames.length - 1 - label];
    if (live && frame && frame.op !== Op.loop) frame.reached = true;
  };
  for (const { op, value, labels } of steps) {
    if (op === Op.call && live) callees.push(value);
    else if (op === Op.block || op === Op.loop || op === Op.if) frames.push({ op, start: live, reached: false });
    else if (op === Op.else) {
      const { start, reached } = frames.pop() as Frame;
      frames.push({ op: Op.block, start, reached: reached || live });
      live = start;
    } else if (op === Op.end) {
      const frame = frames.pop() as Frame;
      live ||= frame.reached || (frame.op === Op.if && frame.start);
    } else if (op === Op.br || op === Op.brIf) reach(value);
    else if (op === Op.brTable) for (const label of labels ?? []) reach(label);
    if (op === Op.br || op === Op.brTable || op === Op.return || op === Op.unreachable) live = false;
  }
  return callees;
}
