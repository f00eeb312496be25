/**
 * Every instruction that a guest may use, as data: WebAssembly 2.0 (MVP, sign extension, saturating truncation, multi-value, bulk
 * memory, reference types, fixed-width SIMD) without a second memory. Whatever is not in this table is refused.
 *
 * Source: WebAssembly Core Specification 2.0, section 5.4 and appendix A.6.
 */

/** The immediates that follow an opcode. */
export type Immediate =
  | "none"
  | "block"
  | "label"
  | "labels"
  | "func"
  | "type table"
  | "local"
  | "global"
  | "table"
  | "table table"
  | "elem"
  | "elem table"
  | "data"
  | "data memory"
  | "memory"
  | "memory memory"
  | "memarg"
  | "memarg lane"
  | "lane"
  | "i32"
  | "i64"
  | "4 bytes"
  | "8 bytes"
  | "16 bytes"
  | "ref type"
  | "value types";

export interface Opcode {
  readonly name: string;
  /** 0 for one-byte opcodes, else 0xfc or 0xfd. */
  readonly prefix: number;
  readonly code: number;
  readonly immediate: Immediate;
  /** Operand and result types, one letter each: i32, l = i64, f32, d = f64, v128, r = reference. Null: by its immediate or the stack. */
  readonly takes: string | null;
  readonly gives: string | null;
  /** A small number of its own, to index tables with. */
  readonly index: number;
}

/** `name takes>gives`, one a line; a line of `-` is a code that is not assigned. */
interface Run {
  readonly prefix?: number;
  readonly from: number;
  readonly immediate?: Immediate;
  readonly rows: string;
}

const compareInt = (type: string, letter: string): string =>
  ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
    .map((op) => `${type}.${op} ${letter}${letter}>i`)
    .join("\n");
const compareFloat = (type: string, letter: string): string =>
  ["eq", "ne", "lt", "gt", "le", "ge"].map((op) => `${type}.${op} ${letter}${letter}>i`).join("\n");
const unary = (type: string, letter: string, ops: string): string =>
  ops
    .split(" ")
    .map((op) => `${type}.${op} ${letter}>${letter}`)
    .join("\n");
const binary = (type: string, letter: string, ops: string): string =>
  ops
    .split(" ")
    .map((op) => `${type}.${op} ${letter}${letter}>${letter}`)
    .join("\n");
const v = (type: string, takes: "v" | "vv" | "vi", ops: string): string =>
  ops
    .split(" ")
    .map((op) => (op === "-" ? "-" : `${type}.${op} ${takes}>v`))
    .join("\n");
const vectorCompare = (type: string): string => v(type, "vv", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u");

const INT_UNARY = "clz ctz popcnt";
const INT_BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const FLOAT_UNARY = "abs neg ceil floor trunc nearest sqrt";
const FLOAT_BINARY = "add sub mul div min max copysign";

const RUNS: readonly Run[] = [
  { from: 0x00, rows: "unreachable >\nnop >" },
  { from: 0x02, immediate: "block", rows: "block\nloop\nif" },
  { from: 0x05, rows: "else" },
  { from: 0x0b, rows: "end" },
  { from: 0x0c, immediate: "label", rows: "br\nbr_if" },
  { from: 0x0e, immediate: "labels", rows: "br_table" },
  { from: 0x0f, rows: "return" },
  { from: 0x10, immediate: "func", rows: "call" },
  { from: 0x11, immediate: "type table", rows: "call_indirect" },
  { from: 0x1a, rows: "drop\nselect" },
  { from: 0x1c, immediate: "value types", rows: "select_t" },
  { from: 0x20, immediate: "local", rows: "local.get\nlocal.set\nlocal.tee" },
  { from: 0x23, immediate: "global", rows: "global.get\nglobal.set" },
  { from: 0x25, immediate: "table", rows: "table.get i>r\ntable.set ir>" },
  {
    from: 0x28,
    immediate: "memarg",
    rows: `i32.load i>i
      i64.load i>l
      f32.load i>f
      f64.load i>d
      i32.load8_s i>i
      i32.load8_u i>i
      i32.load16_s i>i
      i32.load16_u i>i
      i64.load8_s i>l
      i64.load8_u i>l
      i64.load16_s i>l
      i64.load16_u i>l
      i64.load32_s i>l
      i64.load32_u i>l
      i32.store ii>
      i64.store il>
      f32.store if>
      f64.store id>
      i32.store8 ii>
      i32.store16 ii>
      i64.store8 il>
      i64.store16 il>
      i64.store32 il>`,
  },
  { from: 0x3f, immediate: "memory", rows: "memory.size >i\nmemory.grow i>i" },
  { from: 0x41, immediate: "i32", rows: "i32.const >i" },
  { from: 0x42, immediate: "i64", rows: "i64.const >l" },
  { from: 0x43, immediate: "4 bytes", rows: "f32.const >f" },
  { from: 0x44, immediate: "8 bytes", rows: "f64.const >d" },
  { from: 0x45, rows: `i32.eqz i>i\n${compareInt("i32", "i")}` },
  { from: 0x50, rows: `i64.eqz l>i\n${compareInt("i64", "l")}` },
  { from: 0x5b, rows: `${compareFloat("f32", "f")}\n${compareFloat("f64", "d")}` },
  { from: 0x67, rows: `${unary("i32", "i", INT_UNARY)}\n${binary("i32", "i", INT_BINARY)}` },
  { from: 0x79, rows: `${unary("i64", "l", INT_UNARY)}\n${binary("i64", "l", INT_BINARY)}` },
  { from: 0x8b, rows: `${unary("f32", "f", FLOAT_UNARY)}\n${binary("f32", "f", FLOAT_BINARY)}` },
  { from: 0x99, rows: `${unary("f64", "d", FLOAT_UNARY)}\n${binary("f64", "d", FLOAT_BINARY)}` },
  {
    from: 0xa7,
    rows: `i32.wrap_i64 l>i
      i32.trunc_f32_s f>i
      i32.trunc_f32_u f>i
      i32.trunc_f64_s d>i
      i32.trunc_f64_u d>i
      i64.extend_i32_s i>l
      i64.extend_i32_u i>l
      i64.trunc_f32_s f>l
      i64.trunc_f32_u f>l
      i64.trunc_f64_s d>l
      i64.trunc_f64_u d>l
      f32.convert_i32_s i>f
      f32.convert_i32_u i>f
      f32.convert_i64_s l>f
      f32.convert_i64_u l>f
      f32.demote_f64 d>f
      f64.convert_i32_s i>d
      f64.convert_i32_u i>d
      f64.convert_i64_s l>d
      f64.convert_i64_u l>d
      f64.promote_f32 f>d
      i32.reinterpret_f32 f>i
      i64.reinterpret_f64 d>l
      f32.reinterpret_i32 i>f
      f64.reinterpret_i64 l>d
      i32.extend8_s i>i
      i32.extend16_s i>i
      i64.extend8_s l>l
      i64.extend16_s l>l
      i64.extend32_s l>l`,
  },
  { from: 0xd0, immediate: "ref type", rows: "ref.null >r" },
  { from: 0xd1, rows: "ref.is_null r>i" },
  { from: 0xd2, immediate: "func", rows: "ref.func >r" },
  {
    prefix: 0xfc,
    from: 0,
    rows: `i32.trunc_sat_f32_s f>i
      i32.trunc_sat_f32_u f>i
      i32.trunc_sat_f64_s d>i
      i32.trunc_sat_f64_u d>i
      i64.trunc_sat_f32_s f>l
      i64.trunc_sat_f32_u f>l
      i64.trunc_sat_f64_s d>l
      i64.trunc_sat_f64_u d>l`,
  },
  { prefix: 0xfc, from: 8, immediate: "data memory", rows: "memory.init iii>" },
  { prefix: 0xfc, from: 9, immediate: "data", rows: "data.drop >" },
  { prefix: 0xfc, from: 10, immediate: "memory memory", rows: "memory.copy iii>" },
  { prefix: 0xfc, from: 11, immediate: "memory", rows: "memory.fill iii>" },
  { prefix: 0xfc, from: 12, immediate: "elem table", rows: "table.init iii>" },
  { prefix: 0xfc, from: 13, immediate: "elem", rows: "elem.drop >" },
  { prefix: 0xfc, from: 14, immediate: "table table", rows: "table.copy iii>" },
  { prefix: 0xfc, from: 15, immediate: "table", rows: "table.grow ri>i\ntable.size >i\ntable.fill iri>" },
  {
    prefix: 0xfd,
    from: 0x00,
    immediate: "memarg",
    rows: `v128.load i>v
      v128.load8x8_s i>v
      v128.load8x8_u i>v
      v128.load16x4_s i>v
      v128.load16x4_u i>v
      v128.load32x2_s i>v
      v128.load32x2_u i>v
      v128.load8_splat i>v
      v128.load16_splat i>v
      v128.load32_splat i>v
      v128.load64_splat i>v
      v128.store iv>`,
  },
  { prefix: 0xfd, from: 0x0c, immediate: "16 bytes", rows: "v128.const >v\ni8x16.shuffle vv>v" },
  {
    prefix: 0xfd,
    from: 0x0e,
    rows: `i8x16.swizzle vv>v
      i8x16.splat i>v
      i16x8.splat i>v
      i32x4.splat i>v
      i64x2.splat l>v
      f32x4.splat f>v
      f64x2.splat d>v`,
  },
  {
    prefix: 0xfd,
    from: 0x15,
    immediate: "lane",
    rows: `i8x16.extract_lane_s v>i
      i8x16.extract_lane_u v>i
      i8x16.replace_lane vi>v
      i16x8.extract_lane_s v>i
      i16x8.extract_lane_u v>i
      i16x8.replace_lane vi>v
      i32x4.extract_lane v>i
      i32x4.replace_lane vi>v
      i64x2.extract_lane v>l
      i64x2.replace_lane vl>v
      f32x4.extract_lane v>f
      f32x4.replace_lane vf>v
      f64x2.extract_lane v>d
      f64x2.replace_lane vd>v`,
  },
  { prefix: 0xfd, from: 0x23, rows: `${vectorCompare("i8x16")}\n${vectorCompare("i16x8")}\n${vectorCompare("i32x4")}` },
  { prefix: 0xfd, from: 0x41, rows: `${v("f32x4", "vv", "eq ne lt gt le ge")}\n${v("f64x2", "vv", "eq ne lt gt le ge")}` },
  {
    prefix: 0xfd,
    from: 0x4d,
    rows: `v128.not v>v\n${v("v128", "vv", "and andnot or xor")}\nv128.bitselect vvv>v\nv128.any_true v>i`,
  },
  {
    prefix: 0xfd,
    from: 0x54,
    immediate: "memarg lane",
    rows: `v128.load8_lane iv>v
      v128.load16_lane iv>v
      v128.load32_lane iv>v
      v128.load64_lane iv>v
      v128.store8_lane iv>
      v128.store16_lane iv>
      v128.store32_lane iv>
      v128.store64_lane iv>`,
  },
  { prefix: 0xfd, from: 0x5c, immediate: "memarg", rows: "v128.load32_zero i>v\nv128.load64_zero i>v" },
  {
    prefix: 0xfd,
    from: 0x5e,
    rows: `f32x4.demote_f64x2_zero v>v
      f64x2.promote_low_f32x4 v>v
      ${v("i8x16", "v", "abs neg popcnt")}
      i8x16.all_true v>i
      i8x16.bitmask v>i
      ${v("i8x16", "vv", "narrow_i16x8_s narrow_i16x8_u")}
      ${v("f32x4", "v", "ceil floor trunc nearest")}
      ${v("i8x16", "vi", "shl shr_s shr_u")}
      ${v("i8x16", "vv", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u")}
      ${v("f64x2", "v", "ceil floor")}
      ${v("i8x16", "vv", "min_s min_u max_s max_u")}
      f64x2.trunc v>v
      i8x16.avgr_u vv>v
      ${v("i16x8", "v", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u")}
      ${v("i32x4", "v", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u")}
      ${v("i16x8", "v", "abs neg")}
      i16x8.q15mulr_sat_s vv>v
      i16x8.all_true v>i
      i16x8.bitmask v>i
      ${v("i16x8", "vv", "narrow_i32x4_s narrow_i32x4_u")}
      ${v("i16x8", "v", "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u")}
      ${v("i16x8", "vi", "shl shr_s shr_u")}
      ${v("i16x8", "vv", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u")}
      f64x2.nearest v>v
      ${v("i16x8", "vv", "mul min_s min_u max_s max_u - avgr_u")}
      ${v("i16x8", "vv", "extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u")}
      ${v("i32x4", "v", "abs neg")}
      -
      i32x4.all_true v>i
      i32x4.bitmask v>i
      -
      -
      ${v("i32x4", "v", "extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u")}
      ${v("i32x4", "vi", "shl shr_s shr_u")}
      ${v("i32x4", "vv", "add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s -")}
      ${v("i32x4", "vv", "extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u")}
      ${v("i64x2", "v", "abs neg")}
      -
      i64x2.all_true v>i
      i64x2.bitmask v>i
      -
      -
      ${v("i64x2", "v", "extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u")}
      ${v("i64x2", "vi", "shl shr_s shr_u")}
      ${v("i64x2", "vv", "add - - sub - - - mul eq ne lt_s gt_s le_s ge_s")}
      ${v("i64x2", "vv", "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u")}
      ${v("f32x4", "v", "abs neg - sqrt")}
      ${v("f32x4", "vv", "add sub mul div min max pmin pmax")}
      ${v("f64x2", "v", "abs neg - sqrt")}
      ${v("f64x2", "vv", "add sub mul div min max pmin pmax")}
      ${v("i32x4", "v", "trunc_sat_f32x4_s trunc_sat_f32x4_u")}
      ${v("f32x4", "v", "convert_i32x4_s convert_i32x4_u")}
      ${v("i32x4", "v", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero")}
      ${v("f64x2", "v", "convert_low_i32x4_s convert_low_i32x4_u")}`,
  },
];

function expand(): Opcode[] {
  const opcodes: Opcode[] = [];
  for (const { prefix = 0, from, immediate = "none", rows } of RUNS) {
    rows.split("\n").forEach((row, offset) => {
      const [name = "-", signature] = row.trim().split(" ");
      if (name === "-") return;
      const [takes, gives] = signature === undefined ? [null, null] : (signature.split(">") as [string, string]);
      opcodes.push({ name, prefix, code: from + offset, immediate, takes, gives, index: opcodes.length });
    });
  }
  return opcodes;
}

/** All of them, each at its own `index`. */
export const OPCODES: readonly Opcode[] = expand();

const byCode = new Map<number, (Opcode | undefined)[]>();
for (const opcode of OPCODES) {
  const page = byCode.get(opcode.prefix) ?? [];
  page[opcode.code] = opcode;
  byCode.set(opcode.prefix, page);
}

export const PREFIXES: ReadonlySet<number> = new Set([0xfc, 0xfd]);

export function opcodeAt(prefix: number, code: number): Opcode | undefined {
  return byCode.get(prefix)?.[code];
}

/** What an opcode outside the list belongs to, for the message of the refusal. */
export function featureOf(prefix: number, code: number): string {
  if (prefix === 0xfd) return code >= 0x100 ? "relaxed SIMD" : "an unassigned SIMD opcode";
  if (prefix === 0xfc) return code >= 0x13 && code <= 0x16 ? "wide arithmetic" : "an unassigned opcode";
  for (const [feature, codes] of FEATURES) if (codes.includes(code)) return feature;
  return "an unassigned opcode";
}
const FEATURES: readonly (readonly [string, readonly number[]])[] = [
  ["exceptions", [0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f]],
  ["tail calls", [0x12, 0x13]],
  ["typed function references", [0x14, 0x15, 0xd4, 0xd5, 0xd6]],
  ["garbage-collected types", [0xd3, 0xfb]],
  ["stack switching", [0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6]],
  ["threads and atomics", [0xfe]],
];
