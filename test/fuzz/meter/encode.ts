/** A small encoder of core modules for tests. It knows nothing of the rewriter's own reader and writer. */
export type Bytes = readonly number[];

export function u32(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...u32(Math.floor(value / 0x80))];
}
export function s32(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...s32(value >> 7)];
}
export function s64(value: bigint): number[] {
  return value >= -64n && value < 64n ? [Number(value & 0x7fn)] : [Number(value & 0x7fn) | 0x80, ...s64(value >> 7n)];
}
export function f64(value: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [...bytes];
}
export function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...u32(bytes.length), ...bytes];
}
export function vector(items: readonly Bytes[]): number[] {
  return [...u32(items.length), ...items.flat()];
}
export function section(id: number, content: Bytes): number[] {
  return [id, ...u32(content.length), ...content];
}

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;

export interface FuncType {
  readonly params: readonly number[];
  readonly results: readonly number[];
}
export interface Func {
  readonly type: number;
  readonly locals?: readonly number[];
  /** Without the last `end`. */
  readonly code: Bytes;
}
export interface ModuleParts {
  readonly types?: readonly FuncType[];
  readonly imports?: readonly Bytes[];
  readonly functions?: readonly Func[];
  readonly tables?: readonly Bytes[];
  readonly memories?: readonly Bytes[];
  readonly globals?: readonly Bytes[];
  readonly exports?: readonly Bytes[];
  readonly start?: number;
  readonly elements?: readonly Bytes[];
  readonly dataCount?: number;
  readonly data?: readonly Bytes[];
  /** Raw sections in front of the others. */
  readonly custom?: readonly Bytes[];
}

export const PREAMBLE: Bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export const importFunc = (module: string, name: string, type: number): number[] => [
  ...text(module),
  ...text(name),
  0,
  ...u32(type),
];
export const exportFunc = (name: string, index: number): number[] => [...text(name), 0, ...u32(index)];
export const exportMemory = (name: string): number[] => [...text(name), 2, 0];
export const exportGlobal = (name: string, index: number): number[] => [...text(name), 3, ...u32(index)];

export function encode(parts: ModuleParts): Uint8Array {
  const {
    types = [],
    imports,
    functions = [],
    tables,
    memories,
    globals,
    exports,
    start,
    elements,
    dataCount,
    data,
    custom = [],
  } = parts;
  const list = (id: number, items: readonly Bytes[] | undefined): number[] =>
    items === undefined ? [] : section(id, vector(items));
  const bodies = functions.map(({ locals = [], code }) => {
    const body = [...vector(locals.map((type) => [1, type])), ...code, 0x0b];
    return [...u32(body.length), ...body];
  });
  return Uint8Array.from([
    ...PREAMBLE,
    ...custom.flat(),
    ...list(
      1,
      types.map(({ params, results }) => [
        0x60,
        ...vector(params.map((type) => [type])),
        ...vector(results.map((type) => [type])),
      ]),
    ),
    ...list(2, imports),
    ...list(3, functions.length > 0 ? functions.map(({ type }) => u32(type)) : undefined),
    ...list(4, tables),
    ...list(5, memories),
    ...list(6, globals),
    ...list(7, exports),
    ...(start === undefined ? [] : section(8, u32(start))),
    ...list(9, elements),
    ...(dataCount === undefined ? [] : section(12, u32(dataCount))),
    ...list(10, functions.length > 0 ? bodies : undefined),
    ...list(11, data),
  ]);
}
