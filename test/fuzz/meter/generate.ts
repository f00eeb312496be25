/**
 * Random valid modules, alone or two that are linked to each other: every instruction of the list (all integer, float and vector
 * operations, conversions that trap and that saturate, memory and bulk memory, tables, references), blocks with parameters and several
 * results, deep nesting, `br_if` and `br_table` with values, calls direct, indirect, recursive and across modules, growing memories
 * and tables, start functions, code that cannot be reached, and each kind of trap.
 *
 * They end by themselves: each call, and each turn of most loops, uses up a global, and traps or leaves when it is gone; the other
 * loops count to a small number. Which features a program uses much is itself chosen (swarm testing), so that combinations differ.
 */
import { s32, s64, text, u32, type Bytes } from "./encode.js";
import type { Choices } from "../choices.js";
import { FLOATS, FunctionGenerator, STATEMENTS, type Scope } from "./function.js";
import type { ImportedFunction, Program, Signature, Type } from "./program.js";

export interface Call {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
}
export interface Generated {
  /** One module, or two: then the second imports from the first and may put its functions into the first one's table. */
  readonly programs: readonly Program[];
  /** Calls of exports of the last module. */
  readonly calls: readonly Call[];
  /** What the global `g0` of each module is set to before each call: turns of loops, and calls, that are left. */
  readonly steps: number;
}

export const TICK: Signature = { params: ["i"], results: ["i"] };
const NOISE: Signature = { params: ["d"], results: ["d"] };
const HOST: readonly ImportedFunction[] = [
  { module: "env", name: "tick", signature: TICK },
  { module: "env", name: "noise", signature: NOISE },
];
const NOTHING: Signature = { params: [], results: [] };

export function generate(choices: Choices): Generated {
  const last = new ModuleGenerator(choices, null);
  const first = last.program;
  const second = choices.once(4) ? new ModuleGenerator(choices, first).program : null;
  const program = second ?? first;
  const names = callable(program);
  const calls = [...names, ...names, ...names].slice(0, 6).map((index) => ({
    name: `f${index}`,
    args: signatureOf(program, index).params.map((type) => argument(type, choices)),
  }));
  return { programs: second ? [first, second] : [first], calls, steps: choices.pick([10, 40, 150, 400]) };
}

function signatureOf(program: Program, index: number): Signature {
  const own = index - program.imports.length;
  return (own < 0 ? program.imports[index] : program.functions[own])?.signature ?? NOTHING;
}

/** Exported functions that JavaScript can call: no vectors or references in them. */
function callable(program: Program): number[] {
  return program.exported.filter((index) => {
    const { params, results } = signatureOf(program, index);
    return index >= program.imports.length && ![...params, ...results].some((type) => type === "v" || type === "r");
  });
}

function argument(type: Type, choices: Choices): number | bigint {
  const value = choices.below(1_000) - 300;
  if (type === "l") return BigInt(value);
  return type === "i" ? value : choices.once(9) ? NaN : value / 7;
}

class ModuleGenerator {
  readonly #choices: Choices;
  readonly #types: Signature[] = [];
  readonly program: Program;

  constructor(choices: Choices, first: Program | null) {
    this.#choices = choices;
    const imports = [...HOST, ...(first ? fromFirst(first) : [])];
    for (const { signature } of imports) this.#type(signature);
    this.#type(NOTHING);
    const vectors = choices.below(3) > 0;
    const kinds: Type[] = ["i", "i", "l", "f", "d", ...(vectors ? (["v", "v"] as const) : []), "r"];
    const signatures = Array.from({ length: 1 + choices.below(5) }, () => this.#signature(kinds));
    const globals = [
      { type: "i" as const, init: [0x41, ...s32(choices.pick([20, 100, 300]))] },
      ...(["i", "l", "f", "d", ...(vectors ? (["v"] as const) : []), ...(choices.once(6) ? (["r"] as const) : [])] as const).map(
        (type) => ({ type, init: initial(type) }),
      ),
    ];
    const table: readonly [number, number] = first ? first.table : [8, choices.pick([8, 20, 100])];
    const memory: readonly [number, number] = first ? first.memory : [1, choices.pick([1, 3, 16])];
    const elements = 2;
    const scope: Scope = {
      choices,
      kinds,
      imports,
      signatures,
      globals: globals.map(({ type }) => type),
      type: (signature) => this.#type(signature),
      weights: weights(choices),
      segments: { elements, data: 2 },
    };
    const functions = signatures.map((signature, own) =>
      new FunctionGenerator(scope, signature, imports.length + own).generate(),
    );
    const indices = signatures.map((_, own) => imports.length + own);
    const start = choices.once(4) ? (indices.find((index) => isNothing(signatures[index - imports.length])) ?? null) : null;
    this.program = {
      types: this.#types,
      imports,
      sharedMemory: first !== null && choices.below(2) === 0,
      sharedTable: first !== null && choices.below(3) > 0,
      functions,
      memory,
      table,
      globals,
      exported: indices.filter((_, own) => own === 0 || choices.below(3) > 0),
      start,
      elements: this.#elements(indices),
      data: [
        [1, ...text("some bytes to be copied")],
        [0, 0x41, ...s32(64), 0x0b, ...text("\u00ff\u0000and these are there from the beginning")],
      ],
    };
  }

  #type(signature: Signature): number {
    const key = JSON.stringify(signature);
    const known = this.#types.findIndex((type) => JSON.stringify(type) === key);
    return known >= 0 ? known : this.#types.push({ params: signature.params, results: signature.results }) - 1;
  }

  #signature(kinds: readonly Type[]): Signature {
    const choices = this.#choices;
    if (choices.once(4)) return NOTHING;
    const list = (most: number): Type[] => Array.from({ length: choices.below(most + 1) }, () => choices.pick(kinds));
    const signature = { params: list(3), results: list(choices.once(3) ? 3 : 1) };
    this.#type(signature);
    return signature;
  }

  /** An active segment of indices, and a passive one that may have null references and the host's functions in it. */
  #elements(indices: readonly number[]): Bytes[] {
    const choices = this.#choices;
    const active = choices.once(4) ? [] : indices;
    const one = (): number[] =>
      choices.once(4) ? [0xd0, 0x70, 0x0b] : [0xd2, ...u32(choices.once(5) ? 0 : choices.pick(indices)), 0x0b];
    const passive = Array.from({ length: choices.below(5) }, one);
    return [
      [0, 0x41, choices.below(3), 0x0b, ...u32(active.length), ...active.flatMap((index) => u32(index))],
      [5, 0x70, ...u32(passive.length), ...passive.flat()],
    ];
  }
}

/** How often each kind of statement is used: some never, one or two much; every fourth program is about floats. */
function weights(choices: Choices): number[] {
  const all = Array.from({ length: STATEMENTS }, () => (choices.once(3) ? 0 : 1 + choices.below(3)));
  for (let favoured = 1 + choices.below(2); favoured > 0; favoured--) all[choices.below(STATEMENTS)] = 6;
  return choices.once(4) ? all.with(FLOATS, 24) : all;
}

/** Functions of the first module that the second may import: metering refuses floats among several results of an import. */
function fromFirst(first: Program): ImportedFunction[] {
  return first.exported
    .map((index) => ({ module: "first", name: `f${index}`, signature: signatureOf(first, index) }))
    .filter(({ signature: { results } }) => results.length <= 1 || !results.some((type) => type === "f" || type === "d"));
}

function isNothing(signature: Signature | undefined): boolean {
  return signature !== undefined && signature.params.length + signature.results.length === 0;
}

function initial(type: Type): Bytes {
  const INITIAL: Readonly<Record<Type, Bytes>> = {
    i: [0x41, 7],
    l: [0x42, ...s64(9n)],
    f: [0x43, 0, 0, 0xc0, 0x3f],
    d: [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
    v: [0xfd, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0],
    r: [0xd0, 0x70],
  };
  return INITIAL[type];
}
