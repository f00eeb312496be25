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
import { Output } from "../link/bytes.js";
import { I32, withFunctions } from "./code.js";
import { Section, type Sections } from "./sections.js";

/** How many pages the adapter takes at most: one of stack, one of state. */
const PAGES = 2;
const MOST_PAGES = 65_536;
const MEMORY_SIZE = 0x3f;
const MEMORY_GROW = 0x40;

/** The sections of a program that has one memory of its own and exports no `cabi_realloc`; it imports `imported` functions. */
export function pagesApart(sections: Sections, imported: number): Sections {
  const functions = imported + sections.count(Section.function);
  const globals = sections.count(Section.global);
  const memory = memoryOf(sections);
  const added: Added = {
    size: functions,
    grow: functions + 1,
    hidden: globals,
    looked: globals + 1,
    initial: memory.initial,
  };
  const told = withFunctions(
    sections,
    [
      { takes: 0, body: sizeBody(added) },
      { takes: 1, body: growBody(added) },
      { takes: 4, body: reallocBody(added) },
    ],
    (opcode) => (opcode === MEMORY_SIZE ? added.size : opcode === MEMORY_GROW ? added.grow : null),
  );
  return told
    .replaced(Section.memory, memory.wider)
    .extended(Section.global, [counter(), counter()])
    .extended(Section.export, [
      new Output()
        .name("cabi_realloc")
        .byte(0)
        .u32(functions + 2),
    ]);
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

/** `(mut i32) (i32.const 0)` */
const counter = (): Output => new Output().byte(I32, 1, 0x41, 0, 0x0b);

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
