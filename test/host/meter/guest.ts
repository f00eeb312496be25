/** Runs a module plain, or metered under an account, and tells everything that can be seen of it. */
import { FuelAccount, GuestLimit } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import type { MeterOptions } from "#host/component/meter/limits.js";
import { meterModule } from "#host/component/meter/meter.js";

export interface Call {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
}
export interface Seen {
  /** Result or trap of each call, in order. */
  readonly ends: readonly string[];
  /** What the guest passed to `env.tick`. */
  readonly ticks: readonly number[];
  readonly memory: string;
  readonly globals: readonly string[];
}
export interface SeenMetered extends Seen {
  /** Fuel at each tick. */
  readonly tickFuel: readonly number[];
  /** Fuel after each call. */
  readonly fuel: readonly number[];
  readonly pauses: number;
}

export const OPTIONS: MeterOptions = { memoryPages: 16, tableElements: 100 };
const promising = (globalThis as any).WebAssembly.promising as (call: unknown) => (...args: unknown[]) => Promise<unknown>;

/** Floats by their bits, except that all NaNs are one: JavaScript does not keep them apart. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join()}]`;
  return Object.is(value, -0) ? "-0" : `${typeof value === "bigint" ? "l" : ""}${String(value)}`;
}

function trapOf(error: unknown): string {
  if (error instanceof GuestLimit) return `${error.code} at ${error.used}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function stateOf(instance: WasmInstance): Pick<Seen, "memory" | "globals"> {
  const memory = instance.exports["memory"] as { buffer: ArrayBuffer } | undefined;
  const globals = Object.entries(instance.exports).filter(([name]) => name.startsWith("g"));
  let hash = 2166136261;
  const bytes = new Uint8Array(memory?.buffer ?? new ArrayBuffer(0));
  for (let index = 0; index < bytes.length; index++)
    if (bytes[index] !== 0) hash = Math.imul(hash ^ index ^ ((bytes[index] as number) << 17), 16777619);
  return {
    memory: `${bytes.length}:${hash}`,
    globals: globals.map(([name, global]) => `${name}=${shown((global as { value: unknown }).value)}`),
  };
}

export function runPlain(bytes: Uint8Array, calls: readonly Call[]): Seen {
  const ticks: number[] = [];
  const ends: string[] = [];
  const env = { tick: (value: number) => ticks.push(value) };
  const instance = new engine.Instance(new engine.Module(bytes), { env });
  for (const { name, args } of calls) {
    try {
      ends.push(shown((instance.exports[name] as (...args: unknown[]) => unknown)(...args)));
    } catch (error) {
      ends.push(trapOf(error));
    }
  }
  return { ends, ticks, ...stateOf(instance) };
}

export interface Metering {
  readonly slice?: number;
  readonly budget?: number;
  readonly due?: () => boolean;
  readonly options?: MeterOptions;
}

export async function runMetered(bytes: Uint8Array, calls: readonly Call[], metering: Metering = {}): Promise<SeenMetered> {
  const { slice = 10_000_000, budget = Number.MAX_SAFE_INTEGER, due = () => true, options = OPTIONS } = metering;
  const module = new engine.Module(meterModule(bytes, options).bytes);
  const ticks: number[] = [];
  const tickFuel: number[] = [];
  const ends: string[] = [];
  const fuel: number[] = [];
  let pauses = 0;
  const breathe = async (): Promise<void> => {
    pauses++;
  };
  const account = new FuelAccount({ budget, slice, breathe, due });
  const env = {
    tick: (value: number) => {
      tickFuel.push(account.used);
      return ticks.push(value);
    },
  };
  const instance = account.instantiate(module, { env });
  for (const { name, args } of calls) {
    try {
      ends.push(shown(await account.run(() => promising(instance.exports[name])(...args))));
    } catch (error) {
      ends.push(trapOf(error));
      // The instance is finished: nothing more is asked of it.
      if (error instanceof GuestLimit) {
        fuel.push(account.used);
        break;
      }
    }
    fuel.push(account.used);
  }
  return { ends, ticks, tickFuel, fuel, pauses, ...stateOf(instance) };
}
