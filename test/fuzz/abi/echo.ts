/**
 * A core module whose exports hand everything that they are given to an import of the same type, and what that gives back to their
 * caller: `f<i>(flat) = g<i>(flat)`. Its `cabi_realloc` gives out memory once.
 */
import { flatSignature, layout, type Flat } from "#host/component/flat.js";
import type { WitFunction } from "#host/component/type.js";
import { encode, exportFunc, exportMemory, importFunc, s32, u32 } from "../meter/encode.js";

const CODE: Readonly<Record<Flat, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };
const PAGES = 256;
const I32 = CODE.i32;

/** Each function has one parameter list and a result of the same type. */
export function echoModule(functions: readonly WitFunction[]): Uint8Array {
  const types: { params: number[]; results: number[] }[] = [{ params: [I32, I32, I32, I32], results: [I32] }];
  const typeOf = (params: readonly Flat[], results: readonly Flat[]): number =>
    types.push({ params: params.map((flat) => CODE[flat]), results: results.map((flat) => CODE[flat]) }) - 1;
  let heap = 64;
  const imports: number[][] = [];
  const bodies = functions.map((func, index) => {
    const lowered = flatSignature(func, "lower");
    const lifted = flatSignature(func, "lift");
    imports.push(importFunc("$root", `g${index}`, typeOf(lowered.params, lowered.results)));
    const gets = lifted.params.flatMap((_, at) => [0x20, ...u32(at)]);
    const inMemory = lowered.params.length > lifted.params.length;
    if (!inMemory) return { type: typeOf(lifted.params, lifted.results), code: [...gets, 0x10, ...u32(index)] };
    const room = heap;
    heap += Math.ceil(layout(func.result as NonNullable<WitFunction["result"]>).size / 16) * 16;
    const place = [0x41, ...s32(room)];
    return { type: typeOf(lifted.params, lifted.results), code: [...gets, ...place, 0x10, ...u32(index), ...place] };
  });
  // at = (heap + align - 1) & -align; heap = at + size; memory.copy(at, old, old size)
  const realloc = [
    [0x23, 0, 0x20, 2, 0x6a, 0x41, 1, 0x6b, 0x41, 0, 0x20, 2, 0x6b, 0x71, 0x22, 4],
    [0x20, 3, 0x6a, 0x24, 0],
    [0x20, 4, 0x20, 0, 0x20, 1, 0x20, 3, 0x20, 1, 0x20, 3, 0x49, 0x1b, 0xfc, 0x0a, 0, 0, 0x20, 4],
  ].flat();
  return encode({
    types,
    imports,
    functions: [...bodies, { type: 0, locals: [I32], code: realloc }],
    memories: [[0, ...u32(PAGES)]],
    globals: [[I32, 1, 0x41, ...s32(heap), 0x0b]],
    exports: [
      ...functions.map((_, index) => exportFunc(`f${index}`, functions.length + index)),
      exportFunc("cabi_realloc", functions.length * 2),
      exportMemory("memory"),
    ],
  });
}
