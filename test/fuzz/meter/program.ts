/**
 * A generated core module as a list of named instructions, and the two ways in which it is encoded: as it is, and as the
 * **reference**, which does by the letter what metering promises, one instruction at a time:
 *
 * - in front of every instruction its cost is added to a 64-bit counter, nothing is gathered into regions;
 * - behind every float operation whose NaN the specification leaves open, a NaN is replaced by the canonical one at once.
 *
 * The reference knows nothing of the rewriter: it is written from the instructions' names, and its costs stand here again.
 */
import { encode, exportFunc, exportGlobal, exportMemory, text, u32, s64, type Bytes } from "./encode.js";

/** i32, i64, f32, f64, v128, funcref. */
export type Type = "i" | "l" | "f" | "d" | "v" | "r";
export const CODE: Readonly<Record<Type, number>> = { i: 0x7f, l: 0x7e, f: 0x7d, d: 0x7c, v: 0x7b, r: 0x70 };

export interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}
export interface Instruction {
  readonly name: string;
  readonly bytes: Bytes;
  /** For a call of an imported function. */
  readonly imported?: Signature;
}
export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly signature: Signature;
}
export interface DefinedFunction {
  readonly signature: Signature;
  readonly locals: readonly Type[];
  readonly code: readonly Instruction[];
}
export interface Program {
  /** All signatures that functions and blocks name; a signature's index is its place. */
  readonly types: readonly Signature[];
  readonly imports: readonly ImportedFunction[];
  /** Taken from the module `first`, if it has one to give. */
  readonly sharedMemory: boolean;
  readonly sharedTable: boolean;
  readonly functions: readonly DefinedFunction[];
  /** Pages at first and at most; elements at first and at most. */
  readonly memory: readonly [number, number];
  readonly table: readonly [number, number];
  readonly globals: readonly { readonly type: Type; readonly init: Bytes }[];
  /** Indices of functions exported as `f<index>`. */
  readonly exported: readonly number[];
  readonly start: number | null;
  readonly elements: readonly Bytes[];
  readonly data: readonly Bytes[];
}

/** What is capped: the options under which these programs are metered. */
export const PAGES = 16;
export const ELEMENTS = 100;
/** Names under which the reference exports what it counted. */
export const COUNT = "count";
export const NANS = "nans";
/** Pages that the last growth beyond the cap asked for. */
export const REFUSED = "refused";

export function signatureIndex(types: readonly Signature[], { params, results }: Signature): number {
  return types.findIndex((type) => type.params.join("") === params.join("") && type.results.join("") === results.join(""));
}

export function encodePlain(program: Program): Uint8Array {
  return encodeWith(program, null);
}
export function encodeReference(program: Program): Uint8Array {
  return encodeWith(program, new Reference(program));
}

function encodeWith(program: Program, reference: Reference | null): Uint8Array {
  const { types, imports, functions, globals, memory, table } = program;
  const codes = ({ params, results }: Signature): { params: number[]; results: number[] } => ({
    params: params.map((type) => CODE[type]),
    results: results.map((type) => CODE[type]),
  });
  const memoryLimits = [1, ...u32(memory[0]), ...u32(memory[1])];
  const tableType = [CODE.r, 1, ...u32(table[0]), ...u32(table[1])];
  return encode({
    types: [...types, ...(reference?.types ?? [])].map(codes),
    imports: [
      ...imports.map(({ module, name, signature }) => [
        ...text(module),
        ...text(name),
        0,
        ...u32(signatureIndex(types, signature)),
      ]),
      ...(program.sharedMemory ? [[...text("first"), ...text("memory"), 2, ...memoryLimits]] : []),
      ...(program.sharedTable ? [[...text("first"), ...text("table"), 1, ...tableType]] : []),
    ],
    functions: [
      ...functions.map(({ signature, locals, code }) => ({
        type: signatureIndex(types, signature),
        locals: [...locals, ...(reference?.locals ?? [])].map((type) => CODE[type]),
        code: reference ? reference.code(signature.params.length + locals.length, code) : code.flatMap(({ bytes }) => bytes),
      })),
      ...(reference?.helpers() ?? []),
    ],
    ...(program.sharedTable ? {} : { tables: [tableType] }),
    ...(program.sharedMemory ? {} : { memories: [memoryLimits] }),
    globals: [...globals.map(({ type, init }) => [CODE[type], 1, ...init, 0x0b]), ...(reference?.globals() ?? [])],
    exports: [
      ...program.exported.map((index) => exportFunc(`f${index}`, index)),
      exportMemory("memory"),
      [...text("table"), 1, 0],
      ...globals.flatMap(({ type }, index) => (type === "v" || type === "r" ? [] : [exportGlobal(`g${index}`, index)])),
      ...(reference?.exports() ?? []),
    ],
    ...(program.start === null ? {} : { start: program.start }),
    elements: program.elements,
    dataCount: program.data.length,
    data: program.data,
  });
}

/** The costs again, from the table in docs/internals/metering.md rather than from the rewriter. */
const FREE = new Set(["nop", "block", "loop", "else", "end", "drop"]);
const DEAR: readonly (readonly [RegExp, number])[] = [
  [/^call$/, 2],
  [/^call_indirect$/, 4],
  [/^br_table$/, 2],
  [/^i(32|64)\.(div|rem)_/, 4],
  [/^f(32|64)(x\d)?\.div$/, 4],
  [/^f(32|64)(x\d)?\.sqrt$/, 6],
  [/^table\.get$/, 4],
  [/^table\.set$/, 48],
  [/^memory\.(init|copy|fill)$/, 24],
  [/^memory\.grow$/, 1_000],
  [/^(data|elem)\.drop$/, 8],
  [/^table\.(init|copy|fill)$/, 24],
  [/^table\.grow$/, 200],
];
const OF_IMPORT = 14;
const ENTRY = 1;
function costOf({ name, imported }: Instruction): number {
  if (FREE.has(name)) return 0;
  return (DEAR.find(([pattern]) => pattern.test(name))?.[1] ?? 1) + (imported ? OF_IMPORT : 0);
}

/** Which instructions pay by their topmost operand, and how: at most `most`, a unit of `units` for each `2 ** shift`. */
const LENGTHS = [
  { names: /^memory\.(init|copy|fill)$/, most: PAGES * 65_536, shift: 3, units: 1, grows: false },
  { names: /^table\.(init|copy|fill|grow)$/, most: ELEMENTS, shift: 0, units: 32, grows: false },
  { names: /^memory\.grow$/, most: PAGES, shift: 0, units: 8_192, grows: true },
] as const;

/** Operations whose NaN is any (specification, 4.3.3): all float arithmetic but `abs`, `neg`, `copysign`, `pmin` and `pmax`. */
const ARITHMETIC =
  /^(f32|f64|f32x4|f64x2)\.(add|sub|mul|div|min|max|sqrt|ceil|floor|trunc|nearest|demote_f64|promote_f32|demote_f64x2_zero|promote_low_f32x4)$/;

const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const NAN32 = [0, 0, 0xc0, 0x7f];
const NAN64 = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];

class Reference {
  /** Scratch, in this order. */
  readonly locals: readonly Type[] = ["f", "d", "v"];
  readonly types: readonly Signature[];
  readonly #lengthType: number;
  readonly #helper: number;
  readonly #count: number;

  constructor(program: Program) {
    this.types = [{ params: ["i"], results: ["i"] }];
    this.#lengthType = program.types.length;
    this.#helper = program.imports.length + program.functions.length;
    this.#count = program.globals.length;
  }

  globals(): Bytes[] {
    return [0, 1, 2].map(() => [CODE.l, 1, 0x42, 0, 0x0b]);
  }

  exports(): Bytes[] {
    return [exportGlobal(COUNT, this.#count), exportGlobal(NANS, this.#count + 1), exportGlobal(REFUSED, this.#count + 2)];
  }

  helpers(): { type: number; code: Bytes }[] {
    return LENGTHS.map(({ most, shift, units, grows }) => {
      const clamped = [0x20, 0, 0x41, ...signed(most), 0x20, 0, 0x41, ...signed(most), 0x49, 0x1b];
      const amount = [...clamped, 0x41, shift, 0x76, 0xad, 0x42, ...s64(BigInt(units)), 0x7e];
      const count = u32(this.#count);
      const refused = [0x20, 0, 0xad, GLOBAL_SET, ...u32(this.#count + 2)];
      const note = grows ? [0x20, 0, 0x41, ...signed(PAGES), 0x3f, 0, 0x6b, 0x4b, 0x04, 0x40, ...refused, 0x0b] : [];
      return { type: this.#lengthType, code: [...amount, GLOBAL_GET, ...count, 0x7c, GLOBAL_SET, ...count, ...note, 0x20, 0] };
    });
  }

  code(scratch: number, code: readonly Instruction[]): Bytes {
    return [...this.#add(this.#count, ENTRY), ...code.flatMap((instruction) => this.#instruction(scratch, instruction))];
  }

  #instruction(scratch: number, instruction: Instruction): number[] {
    const { name, bytes, imported } = instruction;
    const length = LENGTHS.findIndex(({ names }) => names.test(name));
    const cost = costOf(instruction);
    const float = ARITHMETIC.exec(name)?.[1] ?? { f: "f32", d: "f64" }[imported?.results.join("") ?? ""];
    return [
      ...(cost > 0 ? this.#add(this.#count, cost) : []),
      ...(length < 0 ? [] : [0x10, ...u32(this.#helper + length)]),
      ...bytes,
      ...(float === undefined ? [] : this.#canonical(scratch, float)),
    ];
  }

  #add(global: number, amount: number): number[] {
    return [GLOBAL_GET, ...u32(global), 0x42, ...s64(BigInt(amount)), 0x7c, GLOBAL_SET, ...u32(global)];
  }

  #canonical(scratch: number, float: string): number[] {
    const place = { f32: 0, f64: 1 }[float] ?? 2;
    const local = u32(scratch + place);
    const [get, set] = [
      [0x20, ...local],
      [0x21, ...local],
    ];
    const differs = { f32: [0x5c], f64: [0x62], f32x4: [0xfd, 0x42, 0xfd, 0x53], f64x2: [0xfd, 0x48, 0xfd, 0x53] }[float] ?? [];
    const value = {
      f32: [0x43, ...NAN32],
      f64: [0x44, ...NAN64],
      f32x4: [...get, 0xfd, 0x0c, ...NAN32, ...NAN32, ...NAN32, ...NAN32, ...get, ...get, 0xfd, 0x41, 0xfd, 0x52],
      f64x2: [...get, 0xfd, 0x0c, ...NAN64, ...NAN64, ...get, ...get, 0xfd, 0x47, 0xfd, 0x52],
    }[float] as number[];
    return [...set, ...get, ...get, ...differs, 0x04, 0x40, ...this.#add(this.#count + 1, 1), ...value, ...set, 0x0b, ...get];
  }
}

function signed(value: number): number[] {
  return s64(BigInt(value));
}
