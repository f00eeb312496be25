/** Random types of WIT, their text, and random values in our native form. */
import type { WitType } from "#host/component/type.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";
import type { Choices } from "../choices.js";

const PRIMITIVES = ["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string"] as const;

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n-${index}`);
const several = (choices: Choices, most: number, depth: number): WitType[] =>
  Array.from({ length: 1 + choices.below(most) }, () => anyType(choices, depth - 1));
const perhaps = (choices: Choices, depth: number): WitType | null => (choices.once(3) ? null : anyType(choices, depth - 1));

/**
 * Any type without handles. An option of an option is left out, since null stands for the outer one's nothing; so is a list of a type
 * of which jco makes no list.
 */
export function anyType(choices: Choices, depth: number): WitType {
  if (depth <= 0 || choices.once(4)) return { kind: choices.pick(PRIMITIVES) };
  switch (choices.below(9)) {
    case 0:
      return { kind: "enum", names: names(1 + choices.below(choices.once(8) ? 300 : 6)) };
    case 1:
      return { kind: "flags", names: names(1 + choices.below(32)) };
    case 2:
    case 3:
      return { kind: "list", of: anyType(choices, depth - 1) };
    case 4: {
      const of = anyType(choices, depth - 1);
      return of.kind === "option" ? of : { kind: "option", of };
    }
    case 5:
      return { kind: "record", fields: several(choices, 5, depth).map((type, index) => [`n-${index}`, type] as const) };
    case 6:
      return { kind: "tuple", items: several(choices, 4, depth) };
    case 7: {
      const count = choices.once(30) ? 270 : 1 + choices.below(5);
      const cases = Array.from(
        { length: count },
        (_, index) => [`n-${index}`, index < 6 ? perhaps(choices, depth) : null] as const,
      );
      return { kind: "variant", cases };
    }
    default:
      return { kind: "result", ok: perhaps(choices, depth), err: perhaps(choices, depth) };
  }
}

/** Text of types as a world declares them; what needs a name gets one. */
export class WitText {
  readonly #declared: string[] = [];
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get declarations(): string {
    return this.#declared.join("\n");
  }

  of(type: WitType): string {
    switch (type.kind) {
      case "list":
        return `list<${this.of(type.of)}>`;
      case "option":
        return `option<${this.of(type.of)}>`;
      case "tuple":
        return `tuple<${type.items.map((item) => this.of(item)).join(", ")}>`;
      case "result":
        if (type.ok === null && type.err === null) return "result";
        if (type.err === null) return `result<${this.of(type.ok as WitType)}>`;
        return `result<${type.ok === null ? "_" : this.of(type.ok)}, ${this.of(type.err)}>`;
      case "record":
        return this.#declare(
          "record",
          type.fields.map(([name, field]) => `${name}: ${this.of(field)}`),
        );
      case "variant":
        return this.#declare(
          "variant",
          type.cases.map(([name, payload]) => (payload ? `${name}(${this.of(payload)})` : name)),
        );
      case "enum":
      case "flags":
        return this.#declare(type.kind, type.names);
      case "own":
      case "borrow":
        throw new TypeError("no handles here");
      default:
        return type.kind;
    }
  }

  #declare(keyword: string, members: readonly string[]): string {
    const name = `${this.#prefix}-t${this.#declared.length}`;
    this.#declared.push(`${keyword} ${name} { ${members.join(", ")} }`);
    return name;
  }
}

/** None begins with a byte order mark: jco's glue takes that away (0.15.0), and it is the guest's own. */
const TEXTS = ["", "a", "abc", "ü", "€uro", "😀", "\u0000", "line\nline", "\u{10ffff}", "x".repeat(300), "日本語"];
const WIDTH: Readonly<Record<string, number>> = { u8: 8, s8: 8, u16: 16, s16: 16, u32: 32, s32: 32, u64: 64, s64: 64 };

export function valueOf(type: WitType, choices: Choices): Native {
  const inner = (of: WitType | null): Native => (of ? valueOf(of, choices) : null);
  const list = <T>(make: () => T, most: number): T[] => Array.from({ length: choices.below(most) }, make);
  switch (type.kind) {
    case "bool":
      return choices.below(2) === 1;
    case "f32":
      return Math.fround(float(choices));
    case "f64":
      return float(choices);
    case "char":
      return choices.pick(["a", "ü", "€", "😀", "\u0000", "\ud7ff", "\ue000", "\u{10ffff}"]);
    case "string":
      return list(() => choices.pick(TEXTS), 4).join("");
    case "list":
      return type.of.kind === "u8"
        ? Uint8Array.from(list(() => choices.below(256), 20))
        : list(() => valueOf(type.of, choices), choices.once(10) ? 40 : 5);
    case "option":
      return choices.below(2) === 0 ? null : valueOf(type.of, choices);
    case "record":
      return Object.fromEntries(type.fields.map(([name, field]) => [name.replaceAll("-", "_"), valueOf(field, choices)]));
    case "tuple":
      return type.items.map((item) => valueOf(item, choices));
    case "enum":
      return choices.pick(type.names);
    case "flags":
      return Object.fromEntries(type.names.map((name) => [name.replaceAll("-", "_"), choices.below(2) === 1]));
    case "variant": {
      const [tag, payload] = choices.pick(type.cases);
      return { tag, val: inner(payload) };
    }
    case "result":
      return choices.below(2) === 0 ? { ok: inner(type.ok) } : { err: inner(type.err) };
    case "own":
    case "borrow":
      throw new TypeError("no handles here");
    default:
      return integer(type.kind, choices);
  }
}

function float(choices: Choices): number {
  return choices.pick([0, -0, 1, -1.5, NaN, Infinity, -Infinity, 2 ** 31, 1e-40, 5e-324, 1e300, Math.PI, 16_777_217]);
}

function integer(kind: string, choices: Choices): number | bigint {
  const width = WIDTH[kind] as number;
  const bits = (BigInt(choices.bits32()) << 32n) | BigInt(choices.bits32() >>> 0);
  const edge = choices.pick([0n, 1n, -1n, 1n << BigInt(width - 1), (1n << BigInt(width - 1)) - 1n, bits, bits]);
  const value = kind.startsWith("s") ? BigInt.asIntN(width, edge) : BigInt.asUintN(width, edge);
  return width === 64 ? value : Number(value);
}
