/** One function of a generated module. Everything is typed: what is written is valid by construction. */
import { s32, u32 } from "./encode.js";
import type { Choices } from "../choices.js";
import { constant, EXPRESSIONS, FLOAT_EXPRESSIONS, immediates, isDivision, op, saturating, STORES } from "./operations.js";
import { CODE, type DefinedFunction, type ImportedFunction, type Instruction, type Signature, type Type } from "./program.js";

type Code = Instruction[];

/** What all functions of a module share. */
export interface Scope {
  readonly choices: Choices;
  readonly kinds: readonly Type[];
  readonly imports: readonly ImportedFunction[];
  /** Signatures of the module's own functions. */
  readonly signatures: readonly Signature[];
  readonly globals: readonly Type[];
  /** Index of a type, made if it is not there yet. */
  readonly type: (signature: Signature) => number;
  /** How often each kind of statement is used, 0 for never. */
  readonly weights: readonly number[];
  readonly segments: { readonly elements: number; readonly data: number };
}

/** The global that holds how many turns and calls are left. */
const STEPS = 0;
/** How many kinds of statements there are, and which is about NaNs. */
export const STATEMENTS = 25;
export const FLOATS = 24;
/** Loops within loops that only count. */
const COUNTED_LOOPS = 2;

export class FunctionGenerator {
  readonly #scope: Scope;
  readonly #choices: Choices;
  readonly #signature: Signature;
  readonly #index: number;
  readonly #locals: Type[];
  /** Locals from here on belong to the generator: counters of loops. */
  readonly #free: number;
  /** What a branch to each open label takes, innermost last. */
  readonly #labels: (readonly Type[])[] = [];
  #fuel: number;
  #counted = 0;

  constructor(scope: Scope, signature: Signature, index: number) {
    const { choices } = scope;
    this.#scope = scope;
    this.#choices = choices;
    this.#signature = signature;
    this.#index = index;
    this.#locals = [...signature.params, ...Array.from({ length: choices.below(7) }, () => choices.pick(scope.kinds))];
    this.#free = this.#locals.length;
    this.#fuel = choices.pick([10, 30, 60, 120]);
  }

  generate(): DefinedFunction {
    const { params, results } = this.#signature;
    this.#labels.push(results);
    const body = [...this.#statements(1 + this.#choices.below(6)), ...this.#values(results, 3)];
    // Only a function that calls nothing may do without: no recursion goes on for ever.
    const leaf = !body.some(({ name }) => name === "call" || name === "call_indirect");
    const code = leaf && this.#choices.below(2) === 1 ? body : [...this.#step(), ...body];
    return { signature: this.#signature, locals: this.#locals.slice(params.length), code };
  }

  /** Uses up one of the steps that all loops and calls share; traps when there are none. */
  #step(): Code {
    return [
      op("global.get", STEPS),
      op("i32.eqz"),
      op("if", 0x40),
      op("unreachable"),
      op("end"),
      op("global.get", STEPS),
      op("i32.const", 1),
      op("i32.sub"),
      op("global.set", STEPS),
    ];
  }

  #statements(count: number): Code {
    return Array.from({ length: count }, () => this.#statement()).flat();
  }

  #statement(): Code {
    if (this.#fuel-- <= 0) return [];
    const statements: readonly (() => Code)[] = [
      () => [op("nop")],
      () => this.#assign(),
      () => this.#assign(),
      () => this.#assignGlobal(),
      () => this.#store(),
      () => [...this.#value("i", 2), ...this.#callOf(0), op("drop")],
      () => [...this.#value("d", 2), ...this.#callOf(1), op("drop")],
      () => this.#block([], [], () => this.#statements(1 + this.#choices.below(3))),
      () => this.#when(),
      () => this.#loop(),
      () => this.#countedLoop(),
      () => this.#branchIf(),
      () => this.#branchTable(),
      () => [...this.#value("i", 1), ...this.#framed([op("if", 0x40)], [], () => this.#leave())],
      () => this.#bulk(),
      () => this.#table(),
      () => this.#call(),
      () => this.#callIndirect(),
      () => [...this.#value(this.#kind(), 3), op("drop")],
      () => this.#manyValues(),
      () => this.#dead(),
      () => this.#nested(),
      () => this.#loopWithParameters(),
      () => [...this.#value("i", 1), ...this.#framed([op("if", 0x40)], [], () => [op("unreachable")])],
      () => this.#floats(),
    ];
    const weighted = statements.flatMap((statement, at) => Array(this.#scope.weights[at]).fill(statement) as (() => Code)[]);
    return this.#choices.pick(weighted)();
  }

  #kind(): Type {
    return this.#choices.pick(this.#scope.kinds);
  }

  /** `opening` … `end`, with a label that takes `label`. */
  #framed(opening: Code, label: readonly Type[], inside: () => Code): Code {
    this.#labels.push(label);
    const code = inside();
    this.#labels.pop();
    return [...opening, ...code, op("end")];
  }

  /** The block type: nothing, one value, or a signature. */
  #blockType(params: readonly Type[], results: readonly Type[]): number[] {
    if (params.length === 0 && results.length === 0 && !this.#choices.once(10)) return [0x40];
    if (params.length === 0 && results.length === 1 && !this.#choices.once(10)) return [CODE[results[0] as Type]];
    return s32(this.#scope.type({ params, results }));
  }

  #block(params: readonly Type[], results: readonly Type[], inside: () => Code): Code {
    return this.#framed([op("block", ...this.#blockType(params, results))], results, inside);
  }

  #assign(): Code {
    if (this.#free === 0) return [];
    const local = this.#choices.below(this.#free);
    const code = this.#value(this.#locals[local] as Type, 3);
    return this.#choices.once(3) ? [...code, op("local.tee", local), op("drop")] : [...code, op("local.set", local)];
  }

  #assignGlobal(): Code {
    const global = 1 + this.#choices.below(this.#scope.globals.length - 1);
    return [...this.#value(this.#scope.globals[global] as Type, 2), op("global.set", global)];
  }

  #address(): Code {
    const address = this.#value("i", 1);
    return this.#choices.once(40) ? address : [...address, op("i32.const", ...s32(0xfff8)), op("i32.and")];
  }

  #store(): Code {
    const stores = this.#scope.kinds.includes("v") ? STORES : STORES.filter(({ takes }) => !takes?.includes("v"));
    const store = this.#choices.pick(stores);
    return [...this.#address(), ...this.#value(store.takes?.[1] as Type, 2), op(store.name, ...immediates(store, this.#choices))];
  }

  /** Float arithmetic on values of which it makes NaNs, to where its bits show: memory, a local, a global, another type. */
  #floats(): Code {
    const type = this.#choices.pick(this.#scope.kinds.includes("v") ? (["f", "d", "v"] as const) : (["f", "d"] as const));
    const value = this.#wild(type, 3);
    switch (this.#choices.below(6)) {
      case 0: {
        const locals = this.#locals.slice(0, this.#free).flatMap((found, index) => (found === type ? [index] : []));
        return locals.length > 0 ? [...value, op("local.set", this.#choices.pick(locals))] : [...value, op("drop")];
      }
      case 1:
        return [...value, op("global.set", this.#scope.globals.indexOf(type))];
      case 2: {
        if (type === "v") return [...value, op("f64x2.extract_lane", 1), ...this.#callOf(1), op("drop")];
        const bits = type === "f" ? op("i32.reinterpret_f32") : op("i64.reinterpret_f64");
        return [...value, bits, op("global.set", this.#scope.globals.indexOf(type === "f" ? "i" : "l", 1))];
      }
      default: {
        const store = { f: "f32.store", d: "f64.store", v: "v128.store" }[type];
        return [...this.#address(), ...value, op(store, 0, this.#choices.below(24))];
      }
    }
  }

  #wild(type: Type, depth: number): Code {
    if (type !== "f" && type !== "d" && type !== "v") return this.#value(type, 0);
    if (depth <= 0 || this.#choices.once(3))
      return this.#choices.below(2) ? this.#variable(type) : constant(type, this.#choices, true);
    const chosen = this.#choices.pick(
      FLOAT_EXPRESSIONS[type].filter(({ takes }) => this.#scope.kinds.includes("v") || !takes?.includes("v")),
    );
    const operands = [...(chosen.takes as string)].flatMap((taken) => this.#wild(taken as Type, depth - 1));
    return [...operands, op(chosen.name, ...immediates(chosen, this.#choices))];
  }

  #when(): Code {
    const arm = (): Code => this.#statements(1 + this.#choices.below(3));
    const both = this.#choices.below(2) === 0;
    return [
      ...this.#value("i", 2),
      ...this.#framed([op("if", ...this.#blockType([], []))], [], () => (both ? [...arm(), op("else"), ...arm()] : arm())),
    ];
  }

  /** Turns use up steps. Three shapes: `br_if` at the end, `br` within an `if`, and a `br_if` out in the middle. */
  #loop(): Code {
    const opening = [op("loop", 0x40)];
    switch (this.#choices.below(3)) {
      case 0:
        return this.#framed(opening, [], () => [
          ...this.#step(),
          ...this.#statements(1 + this.#choices.below(3)),
          ...this.#value("i", 2),
          op("br_if", 0),
        ]);
      case 1:
        return this.#framed(opening, [], () => [
          ...this.#step(),
          ...this.#value("i", 2),
          ...this.#framed([op("if", 0x40)], [], () => [...this.#statements(2), op("br", 1)]),
          ...this.#statements(this.#choices.below(2)),
        ]);
      default:
        return this.#framed([op("block", 0x40)], [], () =>
          this.#framed(opening, [], () => [
            ...this.#step(),
            ...this.#statements(1),
            ...this.#value("i", 2),
            op("br_if", 1),
            ...this.#statements(1 + this.#choices.below(2)),
            op("br", 0),
          ]),
        );
    }
  }

  /** Counts to a small number in a local of its own; no step is used. */
  #countedLoop(): Code {
    if (this.#counted >= COUNTED_LOOPS) return [];
    this.#counted++;
    const counter = this.#locals.push("i") - 1;
    const turns = 1 + this.#choices.below(6);
    const code = this.#framed([op("i32.const", 0), op("local.set", ...u32(counter)), op("loop", 0x40)], [], () => [
      op("local.get", ...u32(counter)),
      op("i32.const", 1),
      op("i32.add"),
      op("local.set", ...u32(counter)),
      ...this.#statements(1 + this.#choices.below(2)),
      op("local.get", ...u32(counter)),
      op("i32.const", turns),
      op("i32.lt_s"),
      op("br_if", 0),
    ]);
    this.#counted--;
    return code;
  }

  /** Depths of the open labels that fit. */
  #targets(fits: (label: readonly Type[]) => boolean): number[] {
    return this.#labels.map((label, at) => (fits(label) ? this.#labels.length - 1 - at : -1)).filter((depth) => depth >= 0);
  }

  /** `br_if` with what its label takes, which is dropped where it was not taken. The label may be a loop's: hence the step. */
  #branchIf(): Code {
    const depth = this.#choices.pick(this.#targets(() => true));
    const label = this.#labels[this.#labels.length - 1 - depth] as readonly Type[];
    return [
      ...this.#step(),
      ...this.#values(label, 1),
      ...this.#value("i", 2),
      op("br_if", ...u32(depth)),
      ...label.map(() => op("drop")),
    ];
  }

  #branchTable(): Code {
    const label = this.#choices.pick(this.#labels);
    const key = label.join("");
    const targets = this.#targets((other) => other.join("") === key);
    const table = Array.from({ length: this.#choices.below(6) }, () => u32(this.#choices.pick(targets) + 1));
    return this.#framed([op("block", 0x40)], [], () => [
      ...this.#step(),
      ...this.#values(label, 1),
      ...this.#value("i", 2),
      op("br_table", ...u32(table.length), ...table.flat(), ...u32(this.#choices.pick(targets) + 1)),
    ]);
  }

  #leave(): Code {
    const values = this.#values(this.#labels[0] as readonly Type[], 1);
    return [...values, this.#choices.below(2) ? op("return") : op("br", ...u32(this.#labels.length - 1))];
  }

  #length(): Code {
    const length = this.#value("i", 1);
    return this.#choices.once(20)
      ? length
      : [...length, op("i32.const", ...s32(this.#choices.pick([15, 255, 4095]))), op("i32.and")];
  }

  #bulk(): Code {
    const { data } = this.#scope.segments;
    const small = (): Code => [op("i32.const", ...s32(this.#choices.below(24)))];
    switch (this.#choices.below(6)) {
      case 0:
        return [...this.#address(), ...this.#value("i", 1), ...this.#length(), op("memory.fill", 0)];
      case 1:
        return [...this.#address(), ...this.#address(), ...this.#length(), op("memory.copy", 0, 0)];
      case 2:
        return [...this.#address(), ...small(), ...small(), op("memory.init", this.#choices.below(data), 0)];
      case 3:
        return [op("i32.const", ...s32(this.#choices.pick([0, 1, 2, 5, -1]))), op("memory.grow", 0), op("drop")];
      case 4:
        return [op("memory.size", 0), op("drop")];
      default:
        return this.#choices.once(3) ? [op("data.drop", this.#choices.below(data))] : [];
    }
  }

  #table(): Code {
    const { elements } = this.#scope.segments;
    const small = (most: number): Code => [op("i32.const", ...s32(this.#choices.once(30) ? -1 : this.#choices.below(most)))];
    const segment = this.#choices.below(elements);
    switch (this.#choices.below(8)) {
      case 0:
        return [...small(9), op("table.get", 0), op("ref.is_null"), op("drop")];
      case 1:
        return [...small(9), ...this.#value("r", 1), op("table.set", 0)];
      case 2:
        return [...small(8), ...small(8), ...small(4), op("table.copy", 0, 0)];
      case 3:
        return [...small(8), ...small(3), ...small(3), op("table.init", segment, 0)];
      case 4:
        return [...small(8), ...this.#value("r", 1), ...small(4), op("table.fill", 0)];
      case 5:
        return [...this.#value("r", 1), ...small(5), op("table.grow", 0), op("drop")];
      case 6:
        return [op("table.size", 0), op("drop")];
      default:
        return this.#choices.once(3) ? [op("elem.drop", segment)] : [];
    }
  }

  #callOf(index: number): Code {
    const imported = this.#scope.imports[index];
    const call = op("call", ...u32(index));
    return [imported ? { ...call, imported: imported.signature } : call];
  }

  #callee(): readonly [number, Signature] {
    const { imports, signatures } = this.#scope;
    const index = this.#choices.below(imports.length - 2 + signatures.length) + 2;
    return [index, (imports[index]?.signature ?? signatures[index - imports.length]) as Signature];
  }

  /** A call; sometimes with a trap right behind it, as after a function that never returns. */
  #call(): Code {
    const [index, { params, results }] = this.#callee();
    const call = (): Code => [...this.#values(params, 1), ...this.#callOf(index)];
    if (this.#choices.once(12))
      return [...this.#value("i", 1), ...this.#framed([op("if", 0x40)], [], () => [...call(), op("unreachable")])];
    return [...call(), ...results.map(() => op("drop"))];
  }

  #callIndirect(): Code {
    const [, signature] = this.#callee();
    return [
      ...this.#values(signature.params, 1),
      op("i32.const", ...s32(this.#choices.below(this.#choices.once(6) ? 30 : 6))),
      op("call_indirect", ...u32(this.#scope.type(signature)), 0),
      ...signature.results.map(() => op("drop")),
    ];
  }

  /** A block that takes and gives several values. */
  #manyValues(): Code {
    const list = (): Type[] => Array.from({ length: this.#choices.below(4) }, () => this.#kind());
    const [params, results] = [list(), list()];
    const inside = (): Code => [...params.map(() => op("drop")), ...this.#statements(1), ...this.#values(results, 2)];
    const when = this.#choices.once(3);
    const code = when
      ? [
          ...this.#values(params, 2),
          ...this.#value("i", 1),
          ...this.#framed([op("if", ...this.#blockType(params, results))], results, () => [...inside(), op("else"), ...inside()]),
        ]
      : [...this.#values(params, 2), ...this.#block(params, results, inside)];
    return [...code, ...results.map(() => op("drop"))];
  }

  /** A loop that carries values from turn to turn. */
  #loopWithParameters(): Code {
    const params = Array.from({ length: 1 + this.#choices.below(2) }, () => this.#kind());
    const opening = [op("loop", ...this.#blockType(params, params))];
    const code = this.#framed(opening, params, () => [
      ...params.map(() => op("drop")),
      ...this.#step(),
      ...this.#values(params, 2),
      ...this.#value("i", 2),
      op("br_if", 0),
    ]);
    return [...this.#values(params, 1), ...code, ...params.map(() => op("drop"))];
  }

  /** Code that cannot be reached, with loops and calls in it. */
  #dead(): Code {
    return this.#framed([op("block", 0x40)], [], () => [
      this.#choices.once(6) ? op("unreachable") : op("br", 0),
      ...this.#framed([op("loop", 0x40)], [], () => [...this.#value("i", 1), ...this.#callOf(0), op("drop"), op("br", 0)]),
      ...this.#statements(1),
      ...this.#values(this.#signature.params, 1),
      ...this.#callOf(this.#index),
      ...this.#signature.results.map(() => op("drop")),
    ]);
  }

  /** Many blocks within each other, and a jump out of the innermost to any. */
  #nested(): Code {
    const depth = 2 + this.#choices.below(this.#choices.once(4) ? 60 : 8);
    const wrap = (left: number): Code =>
      left === 0
        ? [
            ...this.#value("i", 1),
            op("br_table", ...u32(depth - 1), ...Array.from({ length: depth - 1 }, (_, at) => u32(at)).flat(), ...u32(depth - 1)),
          ]
        : this.#framed([op("block", 0x40)], [], () => [...wrap(left - 1), ...(left > 1 && left < 5 ? this.#statements(1) : [])]);
    return wrap(depth);
  }

  #values(types: readonly Type[], depth: number): Code {
    return types.flatMap((type) => this.#value(type, depth));
  }

  #value(type: Type, depth: number): Code {
    const simple = depth <= 0 || this.#fuel-- <= 0;
    switch (this.#choices.below(simple ? 3 : 12)) {
      case 0:
        return constant(type, this.#choices);
      case 1:
      case 2:
        return this.#variable(type);
      case 3:
        return this.#selected(type, depth);
      case 4:
        return this.#blockValue(type, depth);
      case 5:
        return this.#called(type);
      default:
        return this.#computed(type, depth);
    }
  }

  #variable(type: Type): Code {
    const locals = this.#locals.slice(0, this.#free).flatMap((found, index) => (found === type ? [index] : []));
    const globals = this.#scope.globals.flatMap((found, index) => (found === type && index !== STEPS ? [index] : []));
    if (locals.length > 0 && !(globals.length > 0 && this.#choices.once(3))) return [op("local.get", this.#choices.pick(locals))];
    return globals.length > 0 ? [op("global.get", this.#choices.pick(globals))] : constant(type, this.#choices);
  }

  #selected(type: Type, depth: number): Code {
    const operands = [...this.#value(type, depth - 1), ...this.#value(type, depth - 1), ...this.#value("i", depth - 1)];
    return [...operands, type === "r" || this.#choices.once(3) ? op("select_t", 1, CODE[type]) : op("select")];
  }

  /** A value out of a call of a function that gives just that. */
  #called(type: Type): Code {
    const { imports, signatures } = this.#scope;
    const all = [...imports.map(({ signature }) => signature), ...signatures];
    const fitting = all.flatMap(({ results }, index) => (results.length === 1 && results[0] === type ? [index] : []));
    if (fitting.length === 0) return this.#variable(type);
    const index = this.#choices.pick(fitting);
    return [...this.#values((all[index] as Signature).params, 1), ...this.#callOf(index)];
  }

  #computed(type: Type, depth: number): Code {
    if (type === "r")
      return this.#choices.below(2)
        ? [op("i32.const", this.#choices.below(8)), op("table.get", 0)]
        : this.#choices.once(3)
          ? [op("ref.null", 0x70)]
          : [op("ref.func", ...u32(this.#scope.imports.length))];
    const allowed = this.#scope.kinds.includes("v")
      ? EXPRESSIONS[type]
      : EXPRESSIONS[type].filter(({ takes }) => !takes?.includes("v"));
    const chosen = this.#choices.pick(allowed);
    const name = this.#choices.once(12) ? chosen.name : (saturating(chosen.name) ?? chosen.name);
    const operands = chosen.immediate.startsWith("memarg")
      ? [...this.#address(), ...this.#values([...(chosen.takes as string)].slice(1) as Type[], depth - 1)]
      : this.#values([...(chosen.takes as string)] as Type[], depth - 1);
    if (isDivision(name) && !this.#choices.once(12)) {
      const wide = name.startsWith("i64");
      // 1 to 127: no division by zero, no overflow.
      const bounded = wide
        ? [op("i64.const", 62), op("i64.and"), op("i64.const", 1), op("i64.or")]
        : [op("i32.const", 62), op("i32.and"), op("i32.const", 1), op("i32.or")];
      return [...operands, ...bounded, op(name)];
    }
    return [...operands, op(name, ...immediates(chosen, this.#choices))];
  }

  /** A value out of a block or an `if`, with a branch that carries it. */
  #blockValue(type: Type, depth: number): Code {
    switch (this.#choices.below(3)) {
      case 0:
        return this.#block([], [type], () => [
          ...this.#statements(1),
          ...this.#value(type, depth - 1),
          ...this.#value("i", 1),
          op("br_if", 0),
        ]);
      case 1:
        return [
          ...this.#value("i", depth - 1),
          ...this.#framed([op("if", ...this.#blockType([], [type]))], [type], () => [
            ...this.#value(type, depth - 1),
            op("else"),
            ...this.#value(type, depth - 1),
          ]),
        ];
      default: {
        const other = this.#kind();
        return [
          ...this.#value(other, depth - 1),
          ...this.#block([other], [type], () => [op("drop"), ...this.#value(type, depth - 1)]),
        ];
      }
    }
  }
}
