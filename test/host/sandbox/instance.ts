/** An instance of a component in this process, as a sandbox process makes it: inspected, metered, compiled, bound. */
import { inspect } from "#host/component/inspect/inspect.js";
import { FuelAccount } from "#host/component/meter/account.js";
import { meterModule } from "#host/component/meter/meter.js";
import { Border } from "#host/sandbox/inside/border.js";
import { Instance, type Host } from "#host/sandbox/inside/bind.js";
import { loaded, type LoadedComponent } from "#host/sandbox/inside/loaded.js";
import { Memories } from "#host/sandbox/inside/memories.js";
import { Transcript } from "#host/sandbox/inside/transcript.js";
import { VirtualClock } from "#host/sandbox/inside/wasi/clock.js";
import type { WasiFunction, WasiFunctions } from "#host/sandbox/inside/wasi/contract.js";
import { wasiFunctions } from "#host/sandbox/inside/wasi/functions.js";
import { SeededRandom } from "#host/sandbox/inside/wasi/randomness.js";
import { Gathered, Source } from "#host/sandbox/inside/wasi/stdio.js";
import { wasm } from "#host/sandbox/inside/wasm.js";

const VALUE_BYTES = 1 << 20;

export function load(component: Uint8Array): LoadedComponent {
  const { plan, modules } = inspect(component);
  const metered = modules.map(({ name, bytes }) => [name, meterModule(bytes, { memoryPages: 1024 }).bytes] as const);
  return loaded(plan, new Map(metered.map(([name, bytes]) => [name, new wasm.Module(bytes)])));
}

export function account(budget = 1e9): FuelAccount {
  return new FuelAccount({ budget, breathe: () => Promise.resolve(), due: () => false });
}

const nobody = (): never => {
  throw new Error("nobody answers this here");
};

export function instance(
  component: LoadedComponent,
  wasi: WasiFunctions,
  fuel = account(),
  host: Partial<Host> = {},
  memories = new Memories(),
): Instance {
  return new Instance(
    component,
    fuel,
    { answersHere: () => false, local: nobody, remote: nobody, met: nobody, dropped: nobody, wasi, ...host },
    VALUE_BYTES,
    new Border({ bytesIn: 1 << 30, bytesOut: 1 << 30, handles: 64 }),
    memories,
  );
}

/** All of WASI but files, of which there are none. */
export function world(stdin: string) {
  const stdout = new Gathered(VALUE_BYTES);
  const stderr = new Gathered(VALUE_BYTES);
  const fuel = account();
  const unused: readonly string[] = [
    "[method]descriptor.get-type",
    "[method]descriptor.append-via-stream",
    "[method]descriptor.open-at",
    "[method]descriptor.read-via-stream",
    "[method]descriptor.write-via-stream",
    "[method]descriptor.stat",
    "filesystem-error-code",
  ];
  const none: WasiFunction = () => [];
  const functions = wasiFunctions(
    {
      clock: new VirtualClock({ epochMs: 1_763_636_400_000, granted: true, fuel: () => fuel.used }),
      random: new SeededRandom("5a".repeat(32)),
      realMs: null,
      transcript: new Transcript(() => fuel.used),
      stdio: { stdin: new Source(Buffer.from(stdin)), stdout, stderr },
      pay: (units) => fuel.charge(units),
      before: () => {},
    },
    {
      "wasi:filesystem/preopens": [["get-directories", none]],
      "wasi:filesystem/types": unused.map((name) => [name, nobody] as const),
    },
  );
  const text = (sink: Gathered): string => Buffer.from(sink.bytes()).toString("utf8");
  return { functions, fuel, stdout: () => text(stdout), stderr: () => text(stderr) };
}
