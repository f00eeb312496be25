/** Changes a program's code by putting calls in the place of instructions, and adds functions behind its own. No index changes. */
import { type Cursor, Output } from "../link/bytes.js";
import { skipInstruction } from "../link/instructions.js";
import { Section, vector, type Sections } from "./sections.js";

export const I32 = 0x7f;
export const CALL = 0x10;

export interface AddedFunction {
  /** How many numbers of 32 bits it takes; it gives one. */
  readonly takes: number;
  /** Its locals and its code. */
  readonly body: Output;
}

/** The function to call in an instruction's place; null where the instruction stays. `index` is a call's own target. */
export type Instead = (opcode: number, index: number) => number | null;

/** The sections with these functions behind those of the program, and calls in the place of what `instead` names in its code. */
export function withFunctions(sections: Sections, added: readonly AddedFunction[], instead: Instead): Sections {
  const types = sections.count(Section.type);
  const bodies = sections.cursor(Section.code);
  const own = Array.from({ length: bodies.u32() }, () => rewritten(bodies.part(bodies.u32()), instead));
  return sections
    .extended(
      Section.type,
      added.map(({ takes }) => functionType(takes)),
    )
    .extended(
      Section.function,
      added.map((_, index) => new Output().u32(types + index)),
    )
    .replaced(Section.code, vector([...own, ...added.map(({ body }) => body)].map((body) => new Output().sized(body))));
}

/** `(param i32 …) (result i32)` */
const functionType = (takes: number): Output =>
  new Output()
    .byte(0x60)
    .u32(takes)
    .raw(Array.from({ length: takes }, () => I32))
    .byte(1, I32);

function rewritten(body: Cursor, instead: Instead): Output {
  const out = new Output();
  let copied = body.at;
  for (let groups = body.u32(); groups > 0; groups--) {
    body.skipNumber();
    body.take(1);
  }
  while (!body.done) {
    const start = body.at;
    const opcode = skipInstruction(body);
    const target = instead(opcode, opcode === CALL ? calledAt(body, start) : 0);
    if (target === null) continue;
    out.raw(body.bytes.subarray(copied, start)).byte(CALL).u32(target);
    copied = body.at;
  }
  return out.raw(body.bytes.subarray(copied, body.end));
}

function calledAt(body: Cursor, start: number): number {
  const end = body.at;
  body.at = start + 1;
  const index = body.u32();
  body.at = end;
  return index;
}
