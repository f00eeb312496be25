/** One side of the metering bench: runs every guest, metered or plain, and prints the quickest run of each as JSON. */
import * as asc from "assemblyscript/asc";
import { FuelAccount } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { GUEST_SOURCE, GUESTS } from "./metering-guests.js";

export interface GuestRun {
  readonly guest: string;
  readonly ms: number;
  readonly result: number;
}

async function compileGuests(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["guests.ts", "--outFile", "guests.wasm", "-O3", "--runtime", "incremental"], {
    readFile: (name) => (name === "guests.ts" ? GUEST_SOURCE : null),
    writeFile: (name, contents) => {
      if (name === "guests.wasm" && typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw error ?? new Error(stderr.toString());
  return binary;
}

const abort = (): never => {
  throw new Error("the guest aborted");
};

function measure(instance: WasmInstance, rounds: number): GuestRun[] {
  return GUESTS.map(([guest, size]) => {
    let ms = Infinity;
    let result = 0;
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      result = (instance.exports[guest] as (size: number) => number)(size);
      ms = Math.min(ms, performance.now() - start);
    }
    return { guest, ms, result };
  });
}

const [mode, rounds] = [process.argv[2], Number(process.argv[3] ?? 20)];
const bytes = await compileGuests();
if (mode === "plain") {
  const instance = new engine.Instance(new engine.Module(bytes), { env: { abort } });
  console.log(JSON.stringify(measure(instance, rounds)));
} else {
  const account = new FuelAccount({ budget: Number.MAX_SAFE_INTEGER, breathe: () => Promise.resolve(), due: () => false });
  const instance = account.instantiate(new engine.Module(meterModule(bytes, { memoryPages: 4_096 }).bytes), { env: { abort } });
  // Inside `run`, since elsewhere only a short stretch may be used; nothing is awaited and nothing suspends.
  await account.run(async () => console.log(JSON.stringify(measure(instance, rounds))));
}
