/**
 * A program for preview 1, changed so that the adapter's pages stay the adapter's (decision 026).
 *
 * The adapter keeps its state and its stack in two pages that it adds to the program's memory when it is first called. Many allocators
 * take, when they are first used, all memory up to its end: whatever stands there by then is overwritten. So the program is told a
 * size without those pages, if they came before it first looked, until it makes its memory larger; from then on they lie between two
 * pieces of its own, as if somebody else had grown the memory in between, which every allocator has to expect.
 *
 * For this the program's `memory.size` and `memory.grow` become calls of two functions that are added behind its own, and the adapter
 * gets its pages from a third one, `cabi_realloc`. No index changes.
 */
import { type Cursor, Output } from "../link/bytes.js";
import { skipInstruction } from "../link/instructions.js";
import { Section, vector, type Sections } from "./sections.js";

/** How many pages the adapter takes at most: one of stack, one of state. */
const PAGES = 2;
const MOST_PAGES = 65_536;
const I32 = 0x7f;
const MEMORY_SIZE = 0x3f;
const MEMORY_GROW = 0x40;

/** The sections of a program that has one memory of its own and exports no `cabi_realloc`. */
export function pagesApart(sections: Sections, importedFunctions: number): Sections {
  const types = sections.count(Section.type);
  const functions = importedFunctions + sections.count(Section.function);
  const memory = memoryOf(sections);
  const added: Added = {
    size: functions,
    grow: functions + 1,
    hidden: sections.count(Section.global),
    looked: sections.count(Section.global) + 1,
    initial: memory.initial,
  };
  return sections
    .extended(Section.type, [functionType(0, 1), functionType(1, 1), functionType(4, 1)])
    .extended(
      Section.function,
      [0, 1, 2].map((type) => new Output().u32(types + type)),
    )
    .replaced(Section.memory, memory.wider)
    .extended(Section.global, [counter(), counter()])
    .extended(Section.export, [
      new Output()
        .name("cabi_realloc")
        .byte(0)
        .u32(functions + 2),
    ])
    .replaced(Section.code, codeOf(sections, added));
}

interface Added {
  /** Functions. */
  readonly size: number;
  readonly grow: number;
  /** Globals: how many pages the adapter took before the program first looked; whether it has. */
  readonly hidden: number;
  readonly looked: number;
  /** Pages that the program has at its start. */
  readonly initial: number;
}

/** Its memory, with room for the adapter's pages where the program has set itself a bound. */
function memoryOf(sections: Sections): { readonly initial: number; readonly wider: Output } {
  const cursor = sections.cursor(Section.memory);
  if (cursor.u32() !== 1) throw cursor.refuse("a second memory");
  const flags = cursor.byte();
  if (flags > 1) throw cursor.refuse("a memory of 64 bits, or one that threads share");
  const initial = cursor.u32();
  const wider = new Output().byte(1, flags).u32(initial);
  if (flags === 1) wider.u32(Math.min(cursor.u32() + PAGES, MOST_PAGES));
  return { initial, wider };
}

const functionType = (takes: number, gives: number): Output =>
  new Output().byte(0x60).u32(takes).raw(numbers(takes)).u32(gives).raw(numbers(gives));
const numbers = (count: number): readonly number[] => Array.from({ length: count }, () => I32);

/** `(mut i32) (i32.const 0)` */
const counter = (): Output => new Output().byte(I32, 1, 0x41, 0, 0x0b);

function codeOf(sections: Sections, added: Added): Output {
  const bodies = sections.cursor(Section.code);
  const rewritten = Array.from({ length: bodies.u32() }, () => told(bodies.part(bodies.u32()), added));
  return vector([...rewritten, sizeBody(added), growBody(added), reallocBody(added)].map((body) => new Output().sized(body)));
}

/** A function of the program, with calls in the place of the two instructions. */
function told(body: Cursor, added: Added): Output {
  const out = new Output();
  let copied = body.at;
  for (let groups = body.u32(); groups > 0; groups--) {
    body.skipNumber();
    body.take(1);
  }
  while (!body.done) {
    const start = body.at;
    const opcode = skipInstruction(body);
    if (opcode !== MEMORY_SIZE && opcode !== MEMORY_GROW) continue;
    out
      .raw(body.bytes.subarray(copied, start))
      .byte(0x10)
      .u32(opcode === MEMORY_SIZE ? added.size : added.grow);
    copied = body.at;
  }
  return out.raw(body.bytes.subarray(copied, body.end));
}

/** `() -> i32`: the pages at the start as long as there are only those and what was hidden, else what there is. */
function sizeBody({ looked, hidden, initial }: Added): Output {
  return code()
    .byte(0x41, 1, 0x24) // looked = 1
    .u32(looked)
    .byte(0x41)
    .s32(initial)
    .byte(MEMORY_SIZE, 0)
    .byte(MEMORY_SIZE, 0, 0x41)
    .s32(initial)
    .byte(0x23)
    .u32(hidden)
    .byte(0x6a, 0x46, 0x1b, 0x0b); // size == initial + hidden ? initial : size
}

/** `(pages) -> i32`: nothing is asked for where a program only looks. */
function growBody({ looked, size }: Added): Output {
  return code()
    .byte(0x41, 1, 0x24) // looked = 1
    .u32(looked)
    .byte(0x20, 0, 0x04, I32) // pages ? memory.grow(pages) : size()
    .byte(0x20, 0, MEMORY_GROW, 0)
    .byte(0x05, 0x10)
    .u32(size)
    .byte(0x0b, 0x0b);
}

/** `(old, old size, alignment, size) -> address` for the adapter, which asks for whole pages and nothing else, and never gives one back. */
function reallocBody({ looked, hidden }: Added): Output {
  return new Output()
    .byte(1, 1, I32) // the local that holds the page
    .byte(0x20, 0, 0x04, 0x40, 0x00, 0x0b) // trap unless old == 0
    .byte(0x20, 3, 0x41)
    .s32(65_536)
    .byte(0x47, 0x04, 0x40, 0x00, 0x0b) // trap unless size == 65536
    .byte(0x41, 1, MEMORY_GROW, 0, 0x22, 4, 0x41)
    .s32(-1)
    .byte(0x46, 0x04, 0x40, 0x00, 0x0b) // trap where there is none
    .byte(0x23)
    .u32(looked)
    .byte(0x45, 0x04, 0x40, 0x23) // looked ? : hidden += 1
    .u32(hidden)
    .byte(0x41, 1, 0x6a, 0x24)
    .u32(hidden)
    .byte(0x0b, 0x20, 4, 0x41, 16, 0x74, 0x0b); // page << 16
}

/** A body without locals. */
const code = (): Output => new Output().byte(0);
