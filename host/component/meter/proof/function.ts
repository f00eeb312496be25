/**
 * One function of a metered module. What is proved of it:
 *
 * 1. Every instruction is paid before it runs, exactly once, on every path (credit.ts).
 * 2. Every loop begins with a checkpoint; the entry too, unless the function is quiet (no loops, only direct callers, nothing called
 *    but imports and quiet functions, little fuel); a call that may leave the module, or any call of a long function but a quiet
 *    one's, has one behind it, or a trap.
 * 3. A call of anything but a leaf is preceded by `depth = frame`, and `frame` was computed and compared to the cap at the entry; one
 *    that may leave the module, by `depth = frame + LEAVES`, unless it cannot come back and nobody outside can enter here.
 * 4. The counter, the depth, the added functions and the added locals are touched by the known sequences only.
 */
import { costOf, ENTRY_COST, IMPORT_COST } from "../costs.js";
import type { MeterSettings } from "../limits.js";
import { opcodeAt } from "../opcodes.js";
import type { Reader } from "../reader.js";
import { Credit } from "./credit.js";
import { decodeSteps, Op, type Step } from "./decode.js";
import type { ProvedModule } from "./module.js";
import { Sequences, type Locals } from "./sequences.js";
import { prove } from "./unproven.js";

const V128 = 0x7b;
const FRAME = 8;
const LEAVES = 512;
const QUIET = 200;
const LONG = 1_000;
const MOST = 2 ** 24;

/** What callers may rely on. */
export interface ProvedFunction {
  /** Fuel that a caller must have paid for it. */
  readonly prepaid: number;
  readonly quiet: boolean;
  /** Least weight of the stack that it opens if it is a leaf, else null. */
  readonly stack: number | null;
  /** The most that it may use unseen if it is quiet. */
  readonly unseen: number;
}

/** Which of the length helpers an instruction must be preceded by: 1 bytes, 2 elements, 3 pages behind `refuel`. */
const LENGTH: ReadonlyMap<number, number> = new Map([
  [Op.memoryInit, 1],
  [Op.memoryCopy, 1],
  [Op.memoryFill, 1],
  [Op.tableInit, 2],
  [Op.tableCopy, 2],
  [Op.tableFill, 2],
  [Op.tableGrow, 2],
  [Op.memoryGrow, 3],
]);

export function readBody(
  reader: Reader,
  params: readonly number[],
): { readonly locals: Locals; readonly steps: readonly Step[] } {
  const types = [...params];
  let added = -1;
  for (let groups = reader.u32(); groups > 0; groups--) {
    const [count, type] = [reader.u32(), reader.byte()];
    prove(types.length + count <= 50_000, "too many locals", reader.at);
    // The last empty group stands where the guest's locals end.
    if (count === 0) added = types.length;
    for (let index = 0; index < count; index++) types.push(type);
  }
  prove(added >= 0, "a body without its mark", reader.at);
  const steps = decodeSteps(reader);
  prove(reader.done, "a body has bytes left over", reader.at);
  return { locals: { types, added }, steps };
}

export function proveFunction(
  index: number,
  module: ProvedModule,
  settings: MeterSettings,
  body: { readonly locals: Locals; readonly steps: readonly Step[]; readonly bytes: Uint8Array },
  known: (callee: number) => ProvedFunction | undefined,
): ProvedFunction {
  return new FunctionProof(index, module, settings, body, known).prove();
}

class FunctionProof {
  readonly #index: number;
  readonly #module: ProvedModule;
  readonly #settings: MeterSettings;
  readonly #locals: Locals;
  readonly #steps: readonly Step[];
  readonly #known: (callee: number) => ProvedFunction | undefined;
  readonly #sequences: Sequences;
  readonly #credit = new Credit();
  #at = 0;
  #charged = 0;
  #unseen = 0;
  #below: number | null = 0;
  #loops = false;
  #quietCalls = true;
  #entryChecked = false;
  /** The weight that the prologue adds, if there is one. */
  #weight: number | null = null;
  /** Calls without a checkpoint behind them that a long function would need. */
  #unchecked = false;

  constructor(
    index: number,
    module: ProvedModule,
    settings: MeterSettings,
    { locals, steps, bytes }: { readonly locals: Locals; readonly steps: readonly Step[]; readonly bytes: Uint8Array },
    known: (callee: number) => ProvedFunction | undefined,
  ) {
    this.#index = index;
    this.#module = module;
    this.#settings = settings;
    this.#locals = locals;
    this.#steps = steps;
    this.#known = known;
    this.#sequences = new Sequences(steps, bytes, module, locals);
  }

  prove(): ProvedFunction {
    this.#entry();
    while (this.#at < this.#steps.length) this.#step();
    return this.#conclude();
  }

  #entry(): void {
    this.#charge();
    this.#credit.use(ENTRY_COST);
    this.#entryChecked = this.#skip(this.#sequences.checkpoint(this.#at));
    const weight = this.#steps[this.#at + 1]?.value ?? 0;
    if (this.#skip(this.#sequences.prologue(this.#at, this.#settings))) this.#weight = weight;
  }

  #conclude(): ProvedFunction {
    const { exit, lowest } = this.#credit;
    const prepaid = -(exit ?? lowest);
    prove(lowest + prepaid >= 0 && prepaid >= 0, "an instruction runs before it is paid", this.#start());
    const direct = !this.#module.escaping.has(this.#index);
    prove(prepaid === 0 || direct, "a function that can be reached from elsewhere does not pay its entry", this.#start());
    const unseen = this.#charged + this.#unseen;
    prove(unseen <= MOST && prepaid <= MOST, "a function costs too much", this.#start());
    prove(unseen <= LONG || !this.#unchecked, "a long function calls without a checkpoint", this.#start());
    const quiet = !this.#entryChecked;
    prove(
      !quiet || (direct && !this.#loops && this.#quietCalls && unseen <= QUIET),
      "an entry without a checkpoint",
      this.#start(),
    );
    return { prepaid, quiet, stack: this.#stack(), unseen };
  }

  #stack(): number | null {
    const slots = this.#locals.types.reduce((sum, type) => sum + (type === V128 ? 2 : 1), FRAME);
    if (this.#weight !== null) {
      prove(this.#weight >= slots && this.#weight < 2 ** 20, "a frame weighs less than its locals", this.#start());
      return null;
    }
    prove(this.#below !== null, "a call without its depth", this.#start());
    return slots + this.#below <= LEAVES ? slots + this.#below : null;
  }

  #start(): number {
    return this.#steps[0]?.start ?? 0;
  }

  #skip(end: number): boolean {
    if (end < 0) return false;
    this.#at = end;
    return true;
  }

  /** A charge, where one stands. */
  #charge(): boolean {
    const end = this.#sequences.charge(this.#at);
    if (end < 0) return false;
    const cost = (this.#steps[this.#at + 1] as Step).value;
    this.#credit.pay(cost);
    this.#charged += cost;
    this.#at = end;
    return true;
  }

  #step(): void {
    const live = this.#credit.current !== null;
    if (live && this.#charge()) return;
    if (live && this.#skip(this.#sequences.checkpoint(this.#at))) return;
    if (live && this.#skip(this.#sequences.canonical(this.#at))) return;
    const deep = live && this.#weight !== null ? this.#depth() : null;
    const step = this.#steps[this.#at++] as Step;
    if (live && step.op === Op.call && step.value > this.#module.refuel) return this.#length(step);
    prove(!live || !LENGTH.has(step.op), "an instruction does not pay by its length", step.start);
    prove(deep === null || step.op === Op.call || step.op === Op.callIndirect, "a depth without its call", step.start);
    this.#guest(step, deep);
  }

  /** What is added to the frame's weight where a depth is written, or null. */
  #depth(): number | null {
    for (const more of [0, LEAVES]) if (this.#skip(this.#sequences.depthSet(this.#at, more))) return more;
    return null;
  }

  /** A helper that pays by length, and the instruction that it pays for right behind it. */
  #length(step: Step): void {
    const next = this.#steps[this.#at++];
    const kind = step.value - this.#module.refuel;
    prove(next !== undefined && LENGTH.get(next.op) === kind, "a length is paid for nothing", step.start);
    this.#guest(next, null);
  }

  /** An instruction of the guest's. */
  #guest(step: Step, deep: number | null): void {
    const { op, value, start } = step;
    this.#untouched(step);
    this.#credit.use(priceOf(op, start));
    switch (op) {
      case Op.block:
      case Op.if:
        return this.#credit.enter(op === Op.if ? "if" : "block");
      case Op.loop:
        this.#credit.enter("loop");
        if (this.#credit.current === null) return;
        this.#loops = true;
        // Behind the checkpoint, so that a turn that begins with a charge still begins with the checkpoint.
        this.#charge();
        return prove(this.#skip(this.#sequences.checkpoint(this.#at)), "a loop without a checkpoint", start);
      case Op.else:
        return this.#credit.else(start);
      case Op.end:
        return this.#credit.end(start);
      case Op.br:
        this.#credit.branch(value, start);
        return this.#die();
      case Op.brIf:
        return this.#credit.branch(value, start);
      case Op.brTable:
        for (const label of step.labels ?? []) this.#credit.branch(label, start);
        return this.#die();
      case Op.return:
        this.#credit.leave(start);
        return this.#die();
      case Op.unreachable:
        return this.#die();
      case Op.call:
        return this.#call(value, deep, start);
      case Op.callIndirect:
        return this.#called({ known: undefined, leaves: this.#module.foreign }, deep, start);
      default:
    }
  }

  #die(): void {
    this.#credit.current = null;
  }

  #call(callee: number, deep: number | null, start: number): void {
    if (this.#credit.current === null) return;
    if (callee >= this.#module.imported) return this.#called({ known: this.#known(callee), leaves: false }, deep, start);
    this.#credit.use(IMPORT_COST);
    const stays = this.#steps[this.#behind()]?.op === Op.unreachable && !this.#module.enterable.has(this.#index);
    this.#called({ known: { prepaid: 0, quiet: true, stack: stays ? 0 : null, unseen: 0 }, leaves: true }, deep, start);
  }

  #called({ known, leaves }: { known: ProvedFunction | undefined; leaves: boolean }, deep: number | null, start: number): void {
    if (this.#credit.current === null) return;
    this.#credit.use(known?.prepaid ?? 0);
    if (known?.quiet) this.#unseen += known.unseen;
    else this.#quietCalls = false;
    const stack = known?.stack ?? null;
    if (deep === null) this.#below = stack === null || this.#below === null ? null : Math.max(this.#below, stack);
    prove(stack !== null || deep === (leaves ? LEAVES : 0), "a call without its depth", start);
    const checked = this.#checkedBehind();
    prove(!leaves || checked, "a call that may leave the module without a checkpoint behind it", start);
    this.#unchecked ||= !known?.quiet && !checked;
  }

  /** What comes behind a call: a float from outside is made canonical in between. */
  #behind(): number {
    const after = this.#sequences.canonical(this.#at);
    return after < 0 ? this.#at : after;
  }

  /** A checkpoint comes next, or a trap. */
  #checkedBehind(): boolean {
    const at = this.#behind();
    return this.#sequences.checkpoint(at) > 0 || this.#steps[at]?.op === Op.unreachable;
  }

  /** The guest names nothing that was added. */
  #untouched({ op, value, start }: Step): void {
    const { left, depth, refused, imported, refuel } = this.#module;
    if (op === Op.globalGet || op === Op.globalSet)
      prove(value !== left && value !== depth && value !== refused, "the guest touches an added global", start);
    if (op === Op.localGet || op === Op.localSet || op === Op.localTee)
      prove(value < this.#locals.added, "the guest touches an added local", start);
    if (op === Op.call || op === Op.refFunc) {
      const ofImports = value >= imported - 3 && value < imported;
      prove(!ofImports && value < refuel, "the guest calls an added function", start);
    }
  }
}

function priceOf(op: number, start: number): number {
  const opcode = opcodeAt(op >>> 16, op & 0xffff);
  prove(opcode !== undefined, "an opcode without a price", start);
  return costOf(opcode);
}
