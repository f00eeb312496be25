/**
 * Random valid modules with structured control flow: blocks, loops, `if`, `br`, `br_if`, `br_table`, calls, calls through a table,
 * recursion, locals, globals, memory, bulk memory, floats, several results. They end by themselves: each loop turn and each call
 * uses up a global, and traps when it is gone. NaNs are replaced by the module itself wherever their bits would show, so that the
 * module computes the same on every machine with and without metering.
 *
 * Choices come from a tape of numbers (fast-check shrinks it); a tape that is used up answers 0, the simplest choice.
 */
import {
  encode,
  exportFunc,
  exportGlobal,
  exportMemory,
  f64,
  F64,
  FUNCREF,
  I32,
  I64,
  importFunc,
  s32,
  s64,
  text,
  u32,
  type Func,
  type FuncType,
} from "./encode.js";
import type { Call } from "./guest.js";

type Type = "i" | "l" | "d";
const CODE: Readonly<Record<Type, number>> = { i: I32, l: I64, d: F64 };

const TYPES: readonly FuncType[] = [
  { params: [I32], results: [I32] },
  { params: [I32, F64], results: [F64] },
  { params: [I64], results: [I64, I32] },
  { params: [], results: [] },
  // Block types: i32 in, two out; and f64 twice.
  { params: [I32], results: [I64, I32] },
  { params: [F64, F64], results: [F64] },
];
const SIGNATURES: readonly { readonly params: readonly Type[]; readonly results: readonly Type[] }[] = [
  { params: ["i"], results: ["i"] },
  { params: ["i", "d"], results: ["d"] },
  { params: ["l"], results: ["l", "i"] },
  { params: [], results: [] },
];
const TICK = 0;
const STEPS = 0;
const GLOBALS: readonly Type[] = ["i", "i", "l", "d"];

interface Label {
  readonly results: readonly Type[];
}

export interface Generated {
  readonly bytes: Uint8Array;
  readonly calls: readonly Call[];
}

export function generate(tape: readonly number[]): Generated {
  const choices = new Choices(tape);
  const kinds = Array.from({ length: 2 + choices.below(4) }, () => choices.below(SIGNATURES.length));
  const functions = kinds.map((kind, index) => new FunctionGenerator(choices, kinds, kind, index).generate());
  const bytes = encode({
    types: TYPES,
    imports: [importFunc("env", "tick", 0)],
    functions,
    tables: [[FUNCREF, 0, ...u32(8)]],
    memories: [[1, 1, 4]],
    globals: [
      [I32, 1, 0x41, ...s32(400), 0x0b],
      [I32, 1, 0x41, 7, 0x0b],
      [I64, 1, 0x42, 9, 0x0b],
      [F64, 1, 0x44, ...f64(1.5), 0x0b],
    ],
    exports: [
      ...kinds.map((_, index) => exportFunc(`f${index}`, index + 1)).filter((_, index) => index === 0 || choices.below(2) === 1),
      exportMemory("memory"),
      exportGlobal("g0", 0),
      exportGlobal("g2", 2),
      exportGlobal("g3", 3),
    ],
    elements: [[0, 0x41, 0, 0x0b, ...u32(kinds.length), ...kinds.flatMap((_, index) => u32(index + 1))].slice(0)].filter(
      () => choices.below(3) !== 1,
    ),
    dataCount: 1,
    data: [[1, ...text("some bytes to be copied")]],
  });
  const exported = bytes.length > 0 ? exportedOf(bytes) : [];
  const calls = [...exported, ...exported].map((name) => {
    const { params } = SIGNATURES[kinds[Number(name.slice(1))] as number] as (typeof SIGNATURES)[number];
    return { name, args: params.map((type) => argument(type, choices)) };
  });
  return { bytes, calls };
}

function exportedOf(bytes: Uint8Array): string[] {
  const module = new (globalThis as any).WebAssembly.Module(bytes);
  const names = (globalThis as any).WebAssembly.Module.exports(module) as { name: string; kind: string }[];
  return names.filter(({ kind }) => kind === "function").map(({ name }) => name);
}

function argument(type: Type, choices: Choices): number | bigint {
  const value = choices.below(1000) - 300;
  if (type === "l") return BigInt(value);
  return type === "d" ? value / 7 : value;
}

class Choices {
  #at = 0;
  readonly #tape: readonly number[];
  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }
  below(count: number): number {
    return (this.#tape[this.#at++] ?? 0) % count;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const UNARY: Readonly<Record<Type, readonly number[]>> = {
  i: [0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1],
  l: [0x79, 0x7a, 0x7b, 0xc2, 0xc4],
  d: [0x9b, 0x9c, 0x9d, 0x9e, 0x9f],
};
const BINARY: Readonly<Record<Type, readonly number[]>> = {
  i: [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x46, 0x48, 0x4d, 0x6d, 0x70],
  l: [0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x88, 0x7f, 0x82],
  d: [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5],
};

class FunctionGenerator {
  readonly #choices: Choices;
  readonly #kinds: readonly number[];
  readonly #kind: number;
  readonly #index: number;
  readonly #locals: Type[];
  readonly #labels: Label[] = [];
  #fuel = 60;

  constructor(choices: Choices, kinds: readonly number[], kind: number, index: number) {
    this.#choices = choices;
    this.#kinds = kinds;
    this.#kind = kind;
    this.#index = index;
    const { params } = SIGNATURES[kind] as (typeof SIGNATURES)[number];
    this.#locals = [...params, ...Array.from({ length: choices.below(5) }, () => choices.pick<Type>(["i", "d", "l"])), "d", "i"];
  }

  generate(): Func {
    const { params, results } = SIGNATURES[this.#kind] as (typeof SIGNATURES)[number];
    this.#labels.push({ results });
    const code = [
      ...this.#step(),
      ...this.#statements(2 + this.#choices.below(4)),
      ...results.flatMap((type) => this.#value(type, 3)),
    ];
    return { type: this.#kind, locals: this.#locals.slice(params.length).map((type) => CODE[type]), code };
  }

  /** Uses up one of the steps that all loops and calls share. */
  #step(): number[] {
    return [0x23, STEPS, 0x45, 0x04, 0x40, 0x00, 0x0b, 0x23, STEPS, 0x41, 1, 0x6b, 0x24, STEPS];
  }

  #statements(count: number): number[] {
    return Array.from({ length: count }, () => this.#statement()).flat();
  }

  #statement(): number[] {
    if (this.#fuel-- <= 0) return [];
    const pick = this.#choices.below(17);
    switch (pick) {
      case 0:
        return [0x01];
      case 1:
      case 2:
        return this.#assign();
      case 3: {
        const global = 1 + this.#choices.below(3);
        return [...this.#plain(GLOBALS[global] as Type, 2), 0x24, global];
      }
      case 4:
        return this.#store();
      case 5:
        return [...this.#value("i", 2), 0x10, TICK, 0x1a];
      case 6:
        return this.#framed([0x02, 0x40], { results: [] }, () => this.#statements(1 + this.#choices.below(3)));
      case 7: {
        const arm = (): number[] => this.#statements(1 + this.#choices.below(3));
        return [
          ...this.#value("i", 2),
          ...this.#framed([0x04, 0x40], { results: [] }, () => (this.#choices.below(2) ? [...arm(), 0x05, ...arm()] : arm())),
        ];
      }
      case 8:
      case 9:
        return this.#loop();
      case 10:
        return this.#branch();
      case 11:
        return [...this.#value("i", 1), ...this.#framed([0x04, 0x40], { results: [] }, () => this.#leave())];
      case 12:
        return this.#bulk();
      case 13:
        return this.#callStatement();
      case 14:
        return [...this.#value(this.#choices.pick<Type>(["i", "l", "d"]), 3), 0x1a];
      case 15:
        return this.#table();
      default:
        // Code that cannot be reached, with a loop and calls in it.
        return this.#framed([0x02, 0x40], { results: [] }, () => {
          const loop = [0x03, 0x40, 0x41, 1, 0x10, TICK, 0x1a, 0x0c, 0, 0x10, 1 + this.#index, ...this.#drops(), 0x0b];
          return [0x0c, 0, ...loop];
        });
    }
  }

  #drops(): number[] {
    return (SIGNATURES[this.#kind] as (typeof SIGNATURES)[number]).results.map(() => 0x1a);
  }

  #framed(opening: readonly number[], label: Label, inside: () => number[]): number[] {
    this.#labels.push(label);
    const code = inside();
    this.#labels.pop();
    return [...opening, ...code, 0x0b];
  }

  #assign(): number[] {
    const local = this.#choices.below(this.#locals.length);
    const tee = this.#choices.below(3) === 1;
    return [...this.#value(this.#locals[local] as Type, 3), ...(tee ? [0x22, local, 0x21, local] : [0x21, local])];
  }

  /** A loop that goes on while a condition holds; its turns are counted. Two shapes: `br_if` at the end, or `br` within an `if`. */
  #loop(): number[] {
    const body = (): number[] => [...this.#step(), ...this.#statements(1 + this.#choices.below(3))];
    if (this.#choices.below(2) === 0)
      return this.#framed([0x03, 0x40], { results: [] }, () => [...body(), ...this.#value("i", 2), 0x0d, 0]);
    return this.#framed([0x03, 0x40], { results: [] }, () => [
      ...this.#step(),
      ...this.#value("i", 2),
      ...this.#framed([0x04, 0x40], { results: [] }, () => [...this.#statements(2), 0x0c, 1]),
    ]);
  }

  /** `br_if` or `br_table` to labels without results. */
  #branch(): number[] {
    const targets = this.#labels
      .map((label, index) => ({ label, depth: this.#labels.length - 1 - index }))
      .filter(({ label }) => label.results.length === 0);
    if (targets.length === 0) return [];
    if (this.#choices.below(2) === 0) return [...this.#value("i", 2), 0x0d, this.#choices.pick(targets).depth];
    const table = Array.from({ length: this.#choices.below(4) }, () => [this.#choices.pick(targets).depth + 1]);
    const last = this.#choices.pick(targets).depth + 1;
    return this.#framed([0x02, 0x40], { results: [] }, () => [
      ...this.#value("i", 2),
      0x0e,
      ...u32(table.length),
      ...table.flat(),
      last,
    ]);
  }

  #leave(): number[] {
    const { results } = this.#labels[0] as Label;
    const values = results.flatMap((type) => this.#value(type, 1));
    return this.#choices.below(2) ? [...values, 0x0f] : [...values, 0x0c, ...u32(this.#labels.length - 1)];
  }

  #address(): number[] {
    return [...this.#value("i", 1), 0x41, ...s32(0xfff8), 0x71];
  }

  #store(): number[] {
    const type = this.#choices.pick<Type>(["i", "l", "d"]);
    const op = { i: [0x36, 2], l: [0x37, 3], d: [0x39, 3] }[type];
    return [
      ...this.#address(),
      ...this.#plain(type, 2),
      ...op,
      ...u32(this.#choices.below(10) === 1 ? 70_000 : this.#choices.below(9)),
    ];
  }

  #bulk(): number[] {
    const length = [...this.#value("i", 1), 0x41, ...s32(255), 0x71];
    switch (this.#choices.below(5)) {
      case 0:
        return [...this.#address(), ...this.#value("i", 1), ...length, 0xfc, 11, 0];
      case 1:
        return [...this.#address(), ...this.#address(), ...length, 0xfc, 10, 0, 0];
      case 2:
        return [...this.#address(), 0x41, this.#choices.below(20), 0x41, this.#choices.below(8), 0xfc, 8, 0, 0];
      case 3:
        return [0x41, this.#choices.below(4), 0x40, 0, 0x1a, 0x3f, 0, 0x1a];
      default:
        return this.#choices.below(4) === 1 ? [0xfc, 9, 0] : [];
    }
  }

  #table(): number[] {
    const index = this.#choices.below(10);
    switch (this.#choices.below(4)) {
      case 0:
        return [0x41, index, 0x25, 0, 0xd1, 0x1a];
      case 1:
        return [0x41, index, 0x41, this.#choices.below(8), 0x25, 0, 0x26, 0];
      case 2:
        return [0x41, index, 0x41, this.#choices.below(4), 0x41, this.#choices.below(5), 0xfc, 14, 0, 0];
      default:
        return [0xfc, 16, 0, 0x1a];
    }
  }

  #callStatement(): number[] {
    const callee = this.#choices.below(this.#kinds.length);
    const kind = this.#kinds[callee] as number;
    const { params, results } = SIGNATURES[kind] as (typeof SIGNATURES)[number];
    const args = params.flatMap((type) => this.#plain(type, 1));
    const drops = results.map(() => 0x1a);
    if (this.#choices.below(3) === 1) return [...args, 0x41, this.#choices.below(9), 0x11, ...u32(kind), 0, ...drops];
    return [...args, 0x10, 1 + callee, ...drops];
  }

  /** A value whose bits may be looked at: a NaN is replaced by 0. */
  #plain(type: Type, depth: number): number[] {
    if (type !== "d") return this.#value(type, depth);
    const scratch = this.#locals.length - 2;
    return [...this.#value("d", depth), 0x22, scratch, 0x44, ...f64(0), 0x20, scratch, 0x20, scratch, 0x61, 0x1b];
  }

  #value(type: Type, depth: number): number[] {
    const simple = depth <= 0 || this.#fuel-- <= 0;
    switch (this.#choices.below(simple ? 2 : 9)) {
      case 0:
        return this.#constant(type);
      case 1: {
        const locals = this.#locals.map((found, index) => ({ found, index })).filter(({ found }) => found === type);
        return locals.length === 0 ? this.#constant(type) : [0x20, this.#choices.pick(locals).index];
      }
      case 2:
        return [...this.#value(type, depth - 1), this.#choices.pick(UNARY[type])];
      case 3:
      case 4:
        return [...this.#value(type, depth - 1), ...this.#value(type, depth - 1), this.#choices.pick(BINARY[type])];
      case 5:
        return this.#converted(type, depth);
      case 6:
        return [...this.#address(), ...{ i: [0x28, 2, 0], l: [0x29, 3, 0], d: [0x2b, 3, 0] }[type]];
      case 7:
        return [...this.#value(type, depth - 1), ...this.#value(type, depth - 1), ...this.#value("i", depth - 1), 0x1b];
      default:
        return this.#blockValue(type, depth);
    }
  }

  #constant(type: Type): number[] {
    const value = this.#choices.below(40) - 8;
    if (type === "i") return [0x41, ...s32(value)];
    return type === "l" ? [0x42, ...s64(BigInt(value))] : [0x44, ...f64(value === 3 ? NaN : value / 4)];
  }

  #converted(type: Type, depth: number): number[] {
    if (type === "i")
      return this.#choices.below(2) ? [...this.#value("l", depth - 1), 0xa7] : [...this.#value("d", depth - 1), 0xfc, 2];
    if (type === "l")
      return this.#choices.below(2) ? [...this.#value("i", depth - 1), 0xac] : [...this.#plain("d", depth - 1), 0xbd];
    return this.#choices.below(2) ? [...this.#value("i", depth - 1), 0xb7] : [...this.#value("d", depth - 1), 0xb6, 0xbb];
  }

  /** Values out of blocks, `if`s and blocks with parameters. */
  #blockValue(type: Type, depth: number): number[] {
    const label = { results: [type] };
    switch (this.#choices.below(4)) {
      case 0:
        return this.#framed([0x02, CODE[type]], label, () => [
          ...this.#statements(1),
          ...this.#value(type, depth - 1),
          ...this.#value("i", 1),
          0x0d,
          0,
        ]);
      case 1:
        return [
          ...this.#value("i", depth - 1),
          ...this.#framed([0x04, CODE[type]], label, () => [
            ...this.#value(type, depth - 1),
            0x05,
            ...this.#value(type, depth - 1),
          ]),
        ];
      case 2: {
        const inside = (): number[] => [0xac, ...this.#value("i", depth - 1)];
        const both = [...this.#value("i", depth - 1), ...this.#framed([0x02, 4], { results: ["l", "i"] }, inside)];
        if (type === "i") return [...both, 0x21, this.#locals.length - 1, 0x1a, 0x20, this.#locals.length - 1];
        return [...both, 0x1a, ...(type === "d" ? [0xb9] : [])];
      }
      default: {
        const inside = (): number[] => [this.#choices.pick(BINARY.d)];
        if (type !== "d") return this.#constant(type);
        return [
          ...this.#value("d", depth - 1),
          ...this.#value("d", depth - 1),
          ...this.#framed([0x02, 5], { results: ["d"] }, inside),
        ];
      }
    }
  }
}
