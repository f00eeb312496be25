/** What metering costs: CPU-bound AssemblyScript guests, metered against unmetered, side by side in one process. */
import asc from "assemblyscript/asc";
import { FuelAccount } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { GUEST_SOURCE, GUESTS } from "./metering-guests.js";

export interface MeteringRow {
  readonly guest: string;
  readonly unmeteredMs: number;
  readonly meteredMs: number;
  readonly ratio: number;
}
export interface MeteringReport {
  readonly rows: readonly MeteringRow[];
  /** Geometric mean of the ratios; the goal is at most 1.35. */
  readonly ratio: number;
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

type Guest = (size: number) => number;
const abort = (): never => {
  throw new Error("the guest aborted");
};

function exported(instance: WasmInstance, name: string): Guest {
  return instance.exports[name] as Guest;
}

/** Milliseconds of processor time of this thread: what others do on the machine, and the compiler on its threads, does not count. */
function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Runs each guest `rounds` times both ways, in turns, and compares the quickest runs. `now` is in milliseconds. */
export async function benchMetering(rounds = 12, now: () => number = threadTime): Promise<MeteringReport> {
  const bytes = await compileGuests();
  const plain = new engine.Instance(new engine.Module(bytes), { env: { abort } });
  const account = new FuelAccount({ budget: Number.MAX_SAFE_INTEGER, breathe: () => Promise.resolve(), due: () => false });
  const metered = account.instantiate(new engine.Module(meterModule(bytes, { memoryPages: 4_096 }).bytes), { env: { abort } });
  const rows: MeteringRow[] = [];
  for (const [guest, size] of GUESTS) {
    let [unmeteredMs, meteredMs] = [Infinity, Infinity];
    // `run` because only there more than a short stretch may be used; nothing is awaited, so nothing suspends.
    await account.run(async () => {
      for (let round = 0; round < rounds; round++) {
        const start = now();
        const expected = exported(plain, guest)(size);
        const middle = now();
        const result = exported(metered, guest)(size);
        const end = now();
        if (result !== expected) throw new Error(`${guest} differs when metered: ${result}, not ${expected}`);
        unmeteredMs = Math.min(unmeteredMs, middle - start);
        meteredMs = Math.min(meteredMs, end - middle);
      }
    });
    rows.push({ guest, unmeteredMs, meteredMs, ratio: meteredMs / unmeteredMs });
  }
  const ratio = Math.exp(rows.reduce((sum, row) => sum + Math.log(row.ratio), 0) / rows.length);
  return { rows, ratio };
}
