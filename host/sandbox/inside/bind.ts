/** Makes an instance of a component by its plan, for one attempt: every import closed unless `run` is under way. */
import type { FuelAccount } from "../../component/meter/account.js";
import type { WasmMemory } from "../../component/meter/engine.js";
import type { MemoryLimits } from "../../component/meter/protocol.js";
import type { CoreRef, HostImport, ImportSource, LinkPlan } from "../../component/plan.js";
import { Handles } from "../abi/handles.js";
import type { Json } from "../abi/json.js";
import { LiftBudget, Lifting, LiftTooLarge } from "../abi/lift.js";
import { Lowering, type CoreValue } from "../abi/lower.js";
import { GuestMemory } from "../abi/memory.js";
import type { HostFunction } from "../abi/signature.js";
import type { Border } from "./border.js";
import { AttemptFailed, GuestTrap, OUTSIDE_RUN } from "./ends.js";
import { leftBehind } from "./leftovers.js";
import type { BoundImport, LoadedComponent } from "./loaded.js";
import type { Memories } from "./memories.js";
import { Resource, type Native, type WasiFunctions } from "./wasi/contract.js";
import { wasm, type Exports } from "./wasm.js";

export interface HostCall {
  readonly interface: string;
  readonly function: string;
  readonly args: readonly Json[];
}
export interface Host {
  /** Whether `local` answers for this function; else it is asked of the control process. */
  answersHere(name: string, func: string): boolean;
  /** Answers at once; null where the function has no result. */
  local(call: HostCall): Json;
  /** Answers later. A rejection ends the attempt. */
  remote(call: HostCall): Promise<Json>;
  /** The guest has let go of what the host called `name`. */
  dropped(resource: string, name: Json): void;
  /** A limit bit, and the attempt goes on. */
  met(name: string, value: number, ceiling: number): void;
  /** A component that imports another one does not start. */
  readonly wasi: WasiFunctions;
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
  private readonly component: LoadedComponent;
  private readonly plan: LinkPlan;
  private readonly valueBytes: number;
  private readonly memories: Memories;
  /** What the one module that defines a memory was given for it. */
  private own: { readonly limits: MemoryLimits; readonly memory: WasmMemory } | null = null;
  /** Calls whose answer the guest still waits for. */
  private waiting = 0;
  /** Whether `run` has come to its end, and what the guest does after it. */
  private returned = false;
  /** Whether a host call is answered now: only inside `run`, and not while the guest allocates or cleans up for us. */
  private open = false;

  constructor(
    component: LoadedComponent,
    account: FuelAccount,
    host: Host,
    valueBytes: number,
    border: Border,
    memories: Memories,
  ) {
    this.memories = memories;
    this.border = border;
    this.handles = new Handles((handles) => border.hold(handles));
    this.component = component;
    this.plan = component.plan;
    this.account = account;
    this.host = host;
    this.valueBytes = valueBytes;
    try {
      this.link();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private link(): void {
    for (const { module, imports } of this.plan.instances) {
      const given: Record<string, Record<string, unknown>> = Object.create(null);
      for (const { module: from, name, source } of imports) {
        given[from] ??= Object.create(null) as Record<string, unknown>;
        given[from][name] = this.source(source);
      }
      const instance = this.account.instantiate(this.component.modules.get(module)!, given, this.ownMemory);
      this.exports.push(instance.exports as Exports);
    }
  }

  private readonly ownMemory = (limits: MemoryLimits): WasmMemory => {
    if (this.own) throw new TypeError("a component with two memories");
    const memory = this.memories.take(limits);
    this.own = { limits, memory };
    return memory;
  };

  /** Bytes of linear memory, which never shrinks: the peak. */
  get memoryBytes(): number {
    const memory = this.plan.memory && (this.resolve(this.plan.memory) as WasmMemory);
    return memory ? memory.buffer.byteLength : 0;
  }

  /** Calls `run` once. Gives what the WIT types it as. */
  async run(args: readonly Json[]): Promise<Json> {
    const { run } = this.plan;
    const signature = this.component.run;
    const memory = run.memory && this.memory(run);
    const lowering = this.lowering(memory, run.realloc);
    const flat = signature.params(lowering, args);
    this.account.charge(cost(lowering.written));
    this.border.handIn(lowering.written);
    const call = wasm.promising(this.resolve(run.core));
    const core = await this.account.run(async () => {
      this.open = true;
      try {
        return (await call(...flat)) as unknown;
      } finally {
        this.open = false;
      }
    });
    const budget = new LiftBudget(this.valueBytes);
    let result: Json;
    try {
      result = signature.result(new Lifting(memory, budget, this.handles), core);
    } finally {
      this.account.charge(cost(budget.used));
    }
    this.border.handOut(budget.used);
    if (run.postReturn) {
      const post = this.resolve(run.postReturn) as (core: unknown) => void;
      this.account.unsuspended(() => post(core));
    }
    this.returned = true;
    return result;
  }

  /** The guest is gone: lets go of what it still holds. */
  end(): void {
    this.handles.end();
    // Nothing of it is called any more: whatever would try finds no function.
    this.exports.length = 0;
    const { own } = this;
    this.own = null;
    if (!own) return;
    // Its memory may be somebody else's only if none of its frames is left, and nobody owes it an answer that would be written there.
    if (this.returned && this.waiting === 0) this.memories.giveBack(own.limits, own.memory);
    else leftBehind(own.memory.buffer.byteLength);
  }

  private resolve(ref: CoreRef): unknown {
    return this.exports[ref.instance]![ref.name];
  }

  private source(source: ImportSource): unknown {
    switch (source.kind) {
      case "export":
        return this.resolve(source.ref);
      case "drop":
        return (handle: number): void => {
          this.checkOpen();
          const held = this.handles.drop(source.resource, handle >>> 0);
          if (!(held instanceof Resource)) this.host.dropped(source.resource, held);
        };
      case "absent":
        return () => {
          throw new GuestTrap(`\`${source.name}\` is there only while a component is built`);
        };
      case "host":
        return this.hostFunction(this.component.host[source.index]!, source.toll);
    }
  }

  private checkOpen(): void {
    if (!this.open) throw new GuestTrap(OUTSIDE_RUN);
  }

  private memory({ memory, encoding }: Pick<HostImport, "memory" | "encoding">): GuestMemory {
    return new GuestMemory(this.resolve(memory!) as WasmMemory, encoding);
  }

  private lowering(memory: GuestMemory | null, realloc: CoreRef | null): Lowering {
    return new Lowering(
      memory,
      (align, size) => {
        if (!realloc) throw new GuestTrap("canonical ABI: something to allocate, and no `cabi_realloc` was named");
        const allocate = this.resolve(realloc) as (old: number, size: number, align: number, wanted: number) => number;
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

  private hostFunction(given: BoundImport, toll: number): unknown {
    return given.kind === "agent" ? this.agentFunction(given, toll) : this.wasiFunction(given, toll);
  }

  private agentFunction(given: Extract<BoundImport, { kind: "agent" }>, toll: number): unknown {
    const { interface: name, function: func, place, hasResult, call } = given;
    const crossing = this.crossing(given, call, toll);
    const tooLarge = (error: unknown, at: number): undefined => {
      if (!(error instanceof LiftTooLarge)) throw error;
      this.host.met("call_bytes", error.used, this.valueBytes);
      const what = `the arguments of ${place} have ${error.message}`;
      if (!hasResult) throw new GuestTrap(what);
      crossing.lower({ err: { tag: "invalid", val: what } }, at);
    };
    const lift = (flat: unknown[], at: number): Json[] | undefined => {
      try {
        return crossing.lift(flat);
      } catch (error) {
        return tooLarge(error, at);
      }
    };
    if (this.host.answersHere(name, func))
      return (...flat: unknown[]): CoreValue | undefined => {
        const at = crossing.resultAt(flat);
        const args = lift(flat, at);
        return args && crossing.lower(this.host.local({ interface: name, function: func, args }), at);
      };
    return new wasm.Suspending((...flat: unknown[]): Promise<CoreValue | undefined> | undefined => {
      const at = crossing.resultAt(flat);
      const args = lift(flat, at);
      return (
        args && this.awaited(this.host.remote({ interface: name, function: func, args }), (value) => crossing.lower(value, at))
      );
    });
  }

  private wasiFunction(given: Extract<BoundImport, { kind: "wasi" }>, toll: number): unknown {
    const { place, call } = given;
    const answer = this.host.wasi.get(place);
    if (!answer)
      throw new AttemptFailed({
        code: "host.denied",
        message: `the component imports \`${place}\`, which it is not given`,
        retryable: false,
      });
    const crossing = this.crossing(given, call, toll);
    const lift = (flat: unknown[]): Native[] => {
      try {
        return crossing.lift(flat);
      } catch (error) {
        throw error instanceof LiftTooLarge ? new GuestTrap(`the arguments of ${place} have ${error.message}`) : error;
      }
    };
    if (!given.suspends)
      return (...flat: unknown[]): CoreValue | undefined => {
        const at = crossing.resultAt(flat);
        const value = answer(lift(flat));
        if (value instanceof Promise) throw new TypeError(`${place} gives a promise, and may not`);
        return crossing.lower(value, at);
      };
    return new wasm.Suspending((...flat: unknown[]): Promise<CoreValue | undefined> | CoreValue | undefined => {
      const at = crossing.resultAt(flat);
      const value = answer(lift(flat));
      return value instanceof Promise ? this.awaited(value, (settled) => crossing.lower(settled, at)) : crossing.lower(value, at);
    });
  }

  private awaited<V>(answer: Promise<V>, lower: (value: V) => CoreValue | undefined): Promise<CoreValue | undefined> {
    this.waiting++;
    return answer.then(
      (value) => {
        this.waiting--;
        return lower(value);
      },
      (error: unknown) => {
        this.waiting--;
        throw error;
      },
    );
  }

  /** The two ways across, for one function; each charges for what it carries. `toll` is paid before anything is looked at. */
  private crossing<V>(given: HostImport, call: HostFunction<V>, toll: number) {
    let memory: GuestMemory | null = null;
    let lowering: Lowering | null = null;
    const guest = (): GuestMemory | null => (memory ??= given.memory && this.memory(given));
    return {
      /** Takes the last value where it says where the result goes. */
      resultAt: (flat: unknown[]): number => {
        if (toll > 0) this.account.toll(toll);
        this.checkOpen();
        return call.resultInMemory ? Number(flat.pop()) >>> 0 : 0;
      },
      lift: (flat: readonly unknown[]): V[] => {
        const budget = new LiftBudget(this.valueBytes);
        try {
          const values = call.params(new Lifting(guest(), budget, this.handles), flat);
          this.border.handOut(budget.used);
          return values;
        } finally {
          this.handles.returnAll();
          this.account.charge(CALL_FUEL + cost(Math.min(budget.used, this.valueBytes)));
        }
      },
      lower: (value: V, at: number): CoreValue | undefined => {
        lowering ??= this.lowering(guest(), given.realloc);
        lowering.written = 0;
        const core = call.result(lowering, value, at);
        this.account.charge(cost(lowering.written));
        this.border.handIn(lowering.written);
        return core;
      },
    };
  }
}

const cost = (bytes: number): number => Math.ceil(bytes / BYTES_PER_FUEL);
