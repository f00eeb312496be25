/** Makes an instance of a component by its plan, for one attempt: every import closed unless `run` is under way. */
import type { FuelAccount } from "../../component/meter/account.js";
import type { CoreRef, LinkPlan } from "../../component/plan.js";
import { interfaces, type WitFunction } from "../../component/wit.js";
import { Handles } from "../abi/handles.js";
import type { Json } from "../abi/json.js";
import { LiftBudget, LiftTooLarge, Lifter } from "../abi/lift.js";
import { Lowerer } from "../abi/lower.js";
import { GuestMemory, type WasmMemory } from "../abi/memory.js";
import { layout } from "../../component/flat.js";
import type { Border } from "./border.js";
import { GuestTrap, OUTSIDE_RUN } from "./ends.js";
import { wasm, type Exports } from "./wasm.js";

export interface LoadedComponent {
  readonly plan: LinkPlan;
  readonly modules: ReadonlyMap<string, object>;
}

export interface HostCall {
  readonly interface: string;
  readonly function: string;
  readonly args: readonly Json[];
}
export interface Host {
  /** Whether `local` answers for this interface; else it is asked of the control process. */
  answersHere(name: string): boolean;
  /** Answers at once; null where the function has no result. */
  local(call: HostCall): Json;
  /** Answers later. A rejection ends the attempt. */
  remote(call: HostCall): Promise<Json>;
  /** A limit bit, and the attempt goes on. */
  met(name: string, value: number, ceiling: number): void;
}

/** What the host's work costs a guest, in fuel: for each call, and for each four bytes that cross the border. */
const CALL_FUEL = 200;
const BYTES_PER_FUEL = 4;
/** Bytes of an allocation for which its stretch may use one unit more. Growing and clearing take a quarter of a unit a byte. */
const BYTES_PER_ALLOWANCE = 2;

export class Instance {
  private readonly exports: Exports[] = [];
  private readonly handles: Handles;
  private readonly border: Border;
  private readonly account: FuelAccount;
  private readonly host: Host;
  private readonly plan: LinkPlan;
  private readonly valueBytes: number;
  /** Whether a host call is answered now: only inside `run`, and not while the guest allocates or cleans up for us. */
  private open = false;

  constructor(component: LoadedComponent, account: FuelAccount, host: Host, valueBytes: number, border: Border) {
    this.border = border;
    this.handles = new Handles((handles) => border.hold(handles));
    this.plan = component.plan;
    this.account = account;
    this.host = host;
    this.valueBytes = valueBytes;
    for (const { module, imports } of component.plan.instances) {
      const given: Record<string, Record<string, unknown>> = Object.create(null);
      for (const { module: from, name, source } of imports) {
        given[from] ??= Object.create(null) as Record<string, unknown>;
        given[from][name] =
          source.kind === "export"
            ? this.resolve(source.ref)
            : source.kind === "host"
              ? this.hostFunction(source.index)
              : (handle: number) => void this.handles.take(source.resource, handle >>> 0);
      }
      this.exports.push(account.instantiate(component.modules.get(module)!, given).exports as Exports);
    }
  }

  /** Bytes of linear memory, which never shrinks: the peak. */
  get memoryBytes(): number {
    const memory = this.plan.run.memory && (this.resolve(this.plan.run.memory) as WasmMemory);
    return memory ? memory.buffer.byteLength : 0;
  }

  /** Calls `run` once. Gives `{ok}` or `{err}` as the WIT types it. */
  async run(type: WitFunction, args: readonly Json[]): Promise<Json> {
    const { run } = this.plan;
    const memory = this.memory(run.memory, run.encoding);
    const lowerer = this.lowerer(memory, run.realloc);
    const flat = type.params.flatMap(([, param], index) => lowerer.flat(param, args[index]!));
    this.account.charge(cost(lowerer.written));
    this.border.handIn(lowerer.written);
    const call = wasm.promising(this.resolve(run.core));
    const pointer = await this.account.run(async () => {
      this.open = true;
      try {
        return (await call(...flat)) as number;
      } finally {
        this.open = false;
      }
    });
    const { size, align } = layout(type.result!);
    memory.check(pointer >>> 0, size, align);
    const budget = new LiftBudget(this.valueBytes);
    let result: Json;
    try {
      result = new Lifter(memory, budget, this.handles).load(type.result!, pointer >>> 0);
    } finally {
      this.account.charge(cost(budget.used));
    }
    this.border.handOut(budget.used);
    if (run.postReturn) {
      const post = this.resolve(run.postReturn) as (pointer: number) => void;
      this.account.unsuspended(() => post(pointer));
    }
    return result;
  }

  private resolve(ref: CoreRef): unknown {
    return this.exports[ref.instance]![ref.name];
  }

  private memory(ref: CoreRef | null, encoding: "utf8" | "utf16"): GuestMemory {
    if (!ref) throw new GuestTrap("canonical ABI: a value in memory, and no memory was named");
    return new GuestMemory(this.resolve(ref) as WasmMemory, encoding);
  }

  private lowerer(memory: GuestMemory, realloc: CoreRef | null): Lowerer {
    const allocate = realloc && (this.resolve(realloc) as (old: number, size: number, align: number, wanted: number) => number);
    return new Lowerer(
      memory,
      (align, size) => {
        if (!allocate) throw new GuestTrap("canonical ABI: something to allocate, and no `cabi_realloc` was named");
        const { open } = this;
        this.open = false;
        try {
          // What is allocated has to be cleared, and the memory grown for it: that is paid for by size.
          return this.account.unsuspended(() => allocate(0, 0, align, size), Math.ceil(size / BYTES_PER_ALLOWANCE));
        } finally {
          this.open = open;
        }
      },
      this.handles,
    );
  }

  private hostFunction(index: number): unknown {
    const { interface: name, function: func, memory, realloc, encoding } = this.plan.host[index]!;
    const type = interfaces[name]!.functions[func]!;
    const types = type.params.map(([, param]) => param);
    const place = `${name}.${func}`;

    const lift = (flat: unknown[]): { args: Json[]; resultAt: number } | Json => {
      if (!this.open) throw new GuestTrap(OUTSIDE_RUN);
      const resultAt = type.result ? Number(flat.pop()) >>> 0 : 0;
      const budget = new LiftBudget(this.valueBytes);
      const guest = memory && this.memory(memory, encoding);
      try {
        const args = new Lifter(guest, budget, this.handles).params(types, flat);
        this.border.handOut(budget.used);
        return { args, resultAt };
      } catch (error) {
        if (error instanceof LiftTooLarge) {
          this.host.met("call_bytes", budget.used, this.valueBytes);
          const what = `the arguments of ${place} have ${error.message}`;
          if (!type.result) throw new GuestTrap(what);
          this.lower(type, resultAt, { err: { tag: "invalid", val: what } }, memory, realloc, encoding);
          return null;
        }
        throw error;
      } finally {
        this.account.charge(CALL_FUEL + cost(Math.min(budget.used, this.valueBytes)));
      }
    };
    const lower = (resultAt: number, value: Json): void => {
      if (type.result) this.lower(type, resultAt, value, memory, realloc, encoding);
    };

    if (this.host.answersHere(name))
      return (...flat: unknown[]): void => {
        const lifted = lift(flat);
        if (isLifted(lifted)) lower(lifted.resultAt, this.host.local({ interface: name, function: func, args: lifted.args }));
      };
    return new wasm.Suspending((...flat: unknown[]): Promise<void> | undefined => {
      const lifted = lift(flat);
      if (!isLifted(lifted)) return undefined;
      return this.host
        .remote({ interface: name, function: func, args: lifted.args })
        .then((value) => lower(lifted.resultAt, value));
    });
  }

  private lower(
    type: WitFunction,
    at: number,
    value: Json,
    memory: CoreRef | null,
    realloc: CoreRef | null,
    encoding: "utf8" | "utf16",
  ): void {
    const guest = this.memory(memory, encoding);
    const lowerer = this.lowerer(guest, realloc);
    lowerer.store(type.result!, value, at);
    this.account.charge(cost(lowerer.written));
    this.border.handIn(lowerer.written);
  }
}

type Lifted = { args: Json[]; resultAt: number };
const isLifted = (value: Lifted | Json): value is Lifted => value !== null;
const cost = (bytes: number): number => Math.ceil(bytes / BYTES_PER_FUEL);
