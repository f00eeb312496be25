/** The instructions that an expression can be made of, by the type that they give; which of them trap easily; and constants. */
import { OPCODES, type Opcode } from "#host/component/meter/opcodes.js";
import { f64, s32, s64, u32 } from "./encode.js";
import type { Choices } from "../choices.js";
import type { Instruction, Type } from "./program.js";

const byName = new Map(OPCODES.map((opcode) => [opcode.name, opcode]));

export function opcode(name: string): Opcode {
  const found = byName.get(name);
  if (!found) throw new TypeError(`no instruction ${name}`);
  return found;
}

/** An instruction by its name and the bytes of its immediates. */
export function op(name: string, ...immediates: number[]): Instruction {
  const { prefix, code } = opcode(name);
  return { name, bytes: [...(prefix === 0 ? [code] : [prefix, ...u32(code)]), ...immediates] };
}

/** Instructions without effects beyond a trap, by the type that they give. */
const PURE = new Set(["none", "lane", "16 bytes", "memarg", "memarg lane"]);
export const EXPRESSIONS: Readonly<Record<Type, readonly Opcode[]>> = Object.fromEntries(
  (["i", "l", "f", "d", "v", "r"] as const).map((type) => [
    type,
    OPCODES.filter(({ gives, takes, immediate }) => gives === type && takes && takes !== "r" && PURE.has(immediate)),
  ]),
) as unknown as Record<Type, readonly Opcode[]>;
/** Float operations on floats, scalars and vectors: what NaN replacement is about. */
export const FLOAT_EXPRESSIONS: Readonly<Record<"f" | "d" | "v", readonly Opcode[]>> = {
  f: EXPRESSIONS.f.filter(({ takes }) => /^[fdv]+$/.test(takes as string)),
  d: EXPRESSIONS.d.filter(({ takes }) => /^[fdv]+$/.test(takes as string)),
  v: EXPRESSIONS.v.filter(({ name, takes }) => name.startsWith("f") && !takes?.includes("i") && !takes?.includes("l")),
};
export const STORES: readonly Opcode[] = OPCODES.filter(
  ({ takes, gives, immediate }) => gives === "" && takes?.[0] === "i" && immediate.startsWith("memarg"),
);

/** Whose right operand must not be 0 (or, with signs, whose operands must not overflow), or whose operand must be in range. */
export function isDivision(name: string): boolean {
  return /\.(div|rem)_/.test(name);
}
export function saturating(name: string): string | null {
  const [, into, from] = /^(i\d\d)\.trunc_(f\d\d_.)$/.exec(name) ?? [];
  return into === undefined ? null : `${into}.trunc_sat_${from}`;
}

const LANES: Readonly<Record<string, number>> = { i8x16: 16, i16x8: 8, i32x4: 4, i64x2: 2, f32x4: 4, f64x2: 2 };
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/8_(s|u|lane|splat)$|store8$/, 0],
  [/16_(s|u|lane|splat)$|store16$/, 1],
  [/(8x8|16x4|32x2)_[su]$/, 3],
  [/32_(s|u|lane|splat|zero)$|store32$/, 2],
  [/64_(lane|splat|zero)$/, 3],
  [/^[if]32\./, 2],
  [/^[if]64\./, 3],
  [/^v128\./, 4],
];
/** log2 of the bytes that an access touches. */
export function widthOf(name: string): number {
  return WIDTHS.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
}

export function immediates({ name, immediate }: Opcode, choices: Choices): number[] {
  const lanes = LANES[name.split(".")[0] as string] ?? 16;
  switch (immediate) {
    case "lane":
      return [choices.below(lanes)];
    case "16 bytes":
      return name === "i8x16.shuffle" ? Array.from({ length: 16 }, () => choices.below(32)) : vectorBytes(choices, false);
    case "memarg":
      return memoryArgument(name, choices);
    case "memarg lane":
      return [...memoryArgument(name, choices), choices.below(16 >> widthOf(name))];
    default:
      return [];
  }
}

function memoryArgument(name: string, choices: Choices): number[] {
  const offset = choices.once(60) ? choices.pick([65_530, 70_000, 2 ** 31, 2 ** 32 - 1]) : choices.below(24);
  return [choices.below(widthOf(name) + 1), ...u32(offset)];
}

const WHOLE = [0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 65_535, 2 ** 31 - 1, -(2 ** 31)];
/** From which NaNs come: out of range, infinite, and NaN itself. */
const WILD = [NaN, Infinity, -Infinity, 0, -0, 1e308, -1];
const FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 63,
  1e-40,
  5e-324,
  1e300,
  16_777_217,
];

function doubleBytes(choices: Choices, wild: boolean): number[] {
  // A signalling NaN with a payload, now and then: its bits are the guest's own and must stay.
  if (choices.once(wild ? 3 : 8))
    return [choices.below(256), 0, 1, 0, 0, 0, 0xf0 + choices.below(16), choices.pick([0x7f, 0xff])];
  return f64(choices.pick(wild ? WILD : FLOATS));
}
function singleBytes(choices: Choices, wild: boolean): number[] {
  if (choices.once(wild ? 3 : 8)) return [choices.below(256), 0, 0x80 + choices.below(128), choices.pick([0x7f, 0xff])];
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, choices.pick(wild ? WILD : FLOATS), true);
  return [...bytes];
}
function vectorBytes(choices: Choices, wild: boolean): number[] {
  switch (wild ? 1 + choices.below(2) : choices.below(4)) {
    case 0:
      return Array.from({ length: 16 }, () => choices.below(256));
    case 1:
      return [...doubleBytes(choices, wild), ...doubleBytes(choices, wild)];
    case 2:
      return Array.from({ length: 4 }, () => singleBytes(choices, wild)).flat();
    default:
      return Array(16).fill(choices.pick([0, 1, 127, 128, 255])) as number[];
  }
}

/** `wild` floats are those of which arithmetic makes NaNs. */
export function constant(type: Type, choices: Choices, wild = false): Instruction[] {
  switch (type) {
    case "i":
      return [op("i32.const", ...s32(choices.once(3) ? choices.bits32() : choices.pick(WHOLE)))];
    case "l": {
      const low = BigInt(choices.once(3) ? choices.bits32() : choices.pick(WHOLE));
      const value = choices.once(4) ? BigInt.asIntN(64, low << BigInt(choices.below(40))) : low;
      return [op("i64.const", ...s64(value))];
    }
    case "f":
      return [op("f32.const", ...singleBytes(choices, wild))];
    case "d":
      return [op("f64.const", ...doubleBytes(choices, wild))];
    case "v":
      return [op("v128.const", ...vectorBytes(choices, wild))];
    case "r":
      return [op("ref.null", 0x70)];
    default:
      return type satisfies never;
  }
}
