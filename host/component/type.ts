/** The types of WIT as data, and short words for them. Imports nothing: sandbox processes read it too. */
export type Primitive = "bool" | "u8" | "u16" | "u32" | "u64" | "s8" | "s16" | "s32" | "s64" | "f32" | "f64" | "char" | "string";
export type WitType =
  | { readonly kind: Exclude<Primitive, "string"> }
  | { readonly kind: "string" }
  | { readonly kind: "list"; readonly of: WitType }
  | { readonly kind: "option"; readonly of: WitType }
  | { readonly kind: "record"; readonly fields: readonly (readonly [name: string, type: WitType])[] }
  | { readonly kind: "tuple"; readonly items: readonly WitType[] }
  | { readonly kind: "variant"; readonly cases: readonly (readonly [name: string, type: WitType | null])[] }
  | { readonly kind: "enum"; readonly names: readonly string[] }
  | { readonly kind: "flags"; readonly names: readonly string[] }
  | { readonly kind: "result"; readonly ok: WitType | null; readonly err: WitType | null }
  /** A handle of a resource that the host defines, named with its home: `wasi:io/streams/output-stream`. */
  | { readonly kind: "own" | "borrow"; readonly resource: string };

export interface WitFunction {
  readonly params: readonly (readonly [name: string, type: WitType])[];
  readonly result: WitType | null;
}
export interface WitInterface {
  /** Types of values that the interface exports by name; `use`d ones too. */
  readonly types: Readonly<Record<string, WitType>>;
  /** Resources that it defines. Its key, `/` and this name are the resource's name everywhere else. */
  readonly resources?: readonly string[];
  /** Resources of other interfaces that it `use`s, by the name that they have here. */
  readonly uses?: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<string, WitFunction>>;
}

export const bool: WitType = { kind: "bool" };
export const u8: WitType = { kind: "u8" };
export const u16: WitType = { kind: "u16" };
export const u32: WitType = { kind: "u32" };
export const u64: WitType = { kind: "u64" };
export const s64: WitType = { kind: "s64" };
export const f32: WitType = { kind: "f32" };
export const f64: WitType = { kind: "f64" };
export const string: WitType = { kind: "string" };
export const list = (of: WitType): WitType => ({ kind: "list", of });
export const option = (of: WitType): WitType => ({ kind: "option", of });
export const tuple = (...items: WitType[]): WitType => ({ kind: "tuple", items });
export const record = (fields: Record<string, WitType>): WitType => ({ kind: "record", fields: Object.entries(fields) });
export const variant = (cases: Record<string, WitType | null>): WitType => ({ kind: "variant", cases: Object.entries(cases) });
export const enumeration = (...names: string[]): WitType => ({ kind: "enum", names });
export const flags = (...names: string[]): WitType => ({ kind: "flags", names });
export const result = (ok: WitType | null, err: WitType | null): WitType => ({ kind: "result", ok, err });
export const own = (resource: string): WitType => ({ kind: "own", resource });
export const borrow = (resource: string): WitType => ({ kind: "borrow", resource });
export const func = (params: Record<string, WitType>, value: WitType | null): WitFunction => ({
  params: Object.entries(params),
  result: value,
});
