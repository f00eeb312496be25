/**
 * Sizes, alignments and flattened forms of values in the canonical ABI (component-model, CanonicalABI.md, "Element Size",
 * "Alignment", "Flattening"). Sandbox processes read it too: it imports no library.
 */
import { remembered } from "./remembered.js";
import type { WitFunction, WitType } from "./type.js";

export type Flat = "i32" | "i64" | "f32" | "f64";
export interface Layout {
  readonly size: number;
  readonly align: number;
}

/** More flat parameters than this go through memory; more than one flat result does. */
export const MAX_FLAT_PARAMS = 16;

export const layout: (type: WitType) => Layout = remembered(compute);

function compute(type: WitType): Layout {
  switch (type.kind) {
    case "bool":
    case "u8":
    case "s8":
      return { size: 1, align: 1 };
    case "u16":
    case "s16":
      return { size: 2, align: 2 };
    case "u32":
    case "s32":
    case "f32":
    case "char":
    case "own":
    case "borrow":
      return { size: 4, align: 4 };
    case "u64":
    case "s64":
    case "f64":
      return { size: 8, align: 8 };
    case "string":
    case "list":
      return { size: 8, align: 4 };
    case "record":
      return sequence(type.fields.map(([, field]) => field));
    case "tuple":
      return sequence(type.items);
    case "enum":
      return number(discriminantSize(type.names.length));
    case "flags":
      return number(type.names.length <= 8 ? 1 : type.names.length <= 16 ? 2 : 4);
    case "variant":
    case "option":
    case "result": {
      const { size, align, payload } = union(cases(type));
      return { size: alignTo(payload + size, align), align };
    }
  }
}

const number = (size: number): Layout => ({ size, align: size });

/** Bytes of the number that says which of so many cases it is. */
export const discriminantSize = (count: number): 1 | 2 | 4 => (count <= 2 ** 8 ? 1 : count <= 2 ** 16 ? 2 : 4);

function sequence(types: readonly WitType[]): Layout {
  let size = 0;
  let align = 1;
  for (const type of types) {
    const part = layout(type);
    size = alignTo(size, part.align) + part.size;
    align = Math.max(align, part.align);
  }
  return { size: alignTo(size, align), align };
}

/** Largest payload, alignment of the whole, and where the payload begins. */
function union(payloads: readonly (WitType | null)[]): { size: number; align: number; payload: number } {
  const discriminant = discriminantSize(payloads.length);
  let size = 0;
  let align: number = discriminant;
  for (const type of payloads) {
    if (!type) continue;
    const part = layout(type);
    size = Math.max(size, part.size);
    align = Math.max(align, part.align);
  }
  return { size, align, payload: alignTo(discriminant, align) };
}

/** Where each of a sequence's parts begins, in memory and among flat values. */
export function offsets(types: readonly WitType[]): { readonly memory: readonly number[]; readonly flat: readonly number[] } {
  const memory: number[] = [];
  const flat: number[] = [];
  let at = 0;
  let index = 0;
  for (const type of types) {
    const { size, align } = layout(type);
    at = alignTo(at, align);
    memory.push(at);
    flat.push(index);
    at += size;
    index += flatten(type).length;
  }
  return { memory, flat };
}

export type Choice = Extract<WitType, { kind: "variant" | "option" | "result" }>;

/** The payloads of a variant-like type by discriminant. */
export function cases(type: Choice): readonly (WitType | null)[] {
  switch (type.kind) {
    case "variant":
      return type.cases.map(([, payload]) => payload);
    case "option":
      return [null, type.of];
    case "result":
      return [type.ok, type.err];
  }
}

export const payloadOffset = (type: Choice): number => union(cases(type)).payload;

export const alignTo = (offset: number, align: number): number => Math.ceil(offset / align) * align;

export function flatten(type: WitType): readonly Flat[] {
  switch (type.kind) {
    case "u64":
    case "s64":
      return ["i64"];
    case "f32":
    case "f64":
      return [type.kind];
    case "string":
    case "list":
      return ["i32", "i32"];
    case "record":
      return type.fields.flatMap(([, field]) => flatten(field));
    case "tuple":
      return type.items.flatMap(flatten);
    case "variant":
    case "option":
    case "result": {
      const joined: Flat[] = [];
      for (const payload of cases(type))
        for (const [index, flat] of (payload ? flatten(payload) : []).entries()) joined[index] = join(joined[index], flat);
      return ["i32", ...joined];
    }
    default:
      return ["i32"];
  }
}

function join(a: Flat | undefined, b: Flat): Flat {
  if (a === undefined || a === b) return b;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}

export interface FlatSignature {
  readonly params: readonly Flat[];
  readonly results: readonly Flat[];
}

/** The core type of a function that the host gives (`lower`) or takes (`lift`). */
export function flatSignature(type: WitFunction, direction: "lower" | "lift"): FlatSignature {
  const flatParams = type.params.flatMap(([, param]) => flatten(param));
  const params: Flat[] = flatParams.length > MAX_FLAT_PARAMS ? ["i32"] : [...flatParams];
  const results = type.result ? flatten(type.result) : [];
  if (results.length <= 1) return { params, results };
  return direction === "lift" ? { params, results: ["i32"] } : { params: [...params, "i32"], results: [] };
}

/** Whether a function's values lie in the guest's memory, and whether some of it is allocated for them. */
export function inMemory(
  type: WitFunction,
  direction: "lower" | "lift",
): { readonly memory: boolean; readonly realloc: boolean } {
  const params = type.params.map(([, param]) => param);
  const results = type.result ? [type.result] : [];
  const spilled = params.flatMap(flatten).length > MAX_FLAT_PARAMS;
  const returned = results.flatMap(flatten).length > 1;
  // What goes into the guest is allocated: the results of what it calls, the parameters of what it is called with.
  const into = direction === "lower" ? results : params;
  const realloc = into.some(pointing) || (direction === "lift" && spilled);
  return { memory: spilled || returned || [...params, ...results].some(pointing), realloc };
}

/** Whether a value of the type points into memory. */
function pointing(type: WitType): boolean {
  switch (type.kind) {
    case "string":
    case "list":
      return true;
    case "option":
      return pointing(type.of);
    case "record":
      return type.fields.some(([, field]) => pointing(field));
    case "tuple":
      return type.items.some(pointing);
    case "variant":
    case "result":
      return cases(type).some((payload) => payload !== null && pointing(payload));
    default:
      return false;
  }
}
