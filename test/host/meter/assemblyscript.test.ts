/** What a real compiler writes: the guests of the bench, at small sizes, with every runtime, optimised and not. */
import * as asc from "assemblyscript/asc";
import { describe, expect, test } from "vitest";
import { meterModule } from "#host/component/meter/meter.js";
import { GUEST_SOURCE, GUESTS } from "../../../bench/metering-guests.js";
import { OPTIONS, runMetered, runPlain } from "./guest.js";

async function compile(...options: string[]): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["guests.ts", "--outFile", "guests.wasm", "--use", "abort=", ...options], {
    readFile: (name) => (name === "guests.ts" ? GUEST_SOURCE : null),
    writeFile: (name, contents) => {
      if (name === "guests.wasm" && typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw error ?? new Error(stderr.toString());
  return binary;
}

const options = { ...OPTIONS, memoryPages: 512, tableElements: 1_000 };
const SMALL: Readonly<Record<string, number>> = {
  sieve: 2_000,
  fnv: 10,
  matrix: 12,
  json: 20,
  strings: 800,
  words: 900,
  fib: 12,
};

describe.each([
  ["optimised, incremental", ["-O3", "--runtime", "incremental"]],
  ["unoptimised, minimal", ["-O0", "--runtime", "minimal"]],
  ["for size, stub", ["-O3", "--shrinkLevel", "2", "--runtime", "stub"]],
])("%s", (_, flags) => {
  test("the default limits pass it, it computes the same, and pays the same with every slice", async () => {
    const bytes = await compile(...flags);
    const calls = GUESTS.map(([name]) => ({ name, args: [SMALL[name] as number] }));
    const plain = runPlain(bytes, calls);
    expect(plain.ends.every((end) => /^-?\d+$/.test(end))).toBe(true);
    const whole = await runMetered(bytes, calls, { options });
    expect({ ends: whole.ends, memory: whole.memory }).toEqual({ ends: plain.ends, memory: plain.memory });
    const sliced = await runMetered(bytes, calls, { options, slice: 777 });
    expect({ ...sliced, pauses: 0 }).toEqual({ ...whole, pauses: 0 });
    expect(sliced.pauses).toBeGreaterThan(100);
  });
});

test("it grows by less than half", async () => {
  const { stats } = meterModule(await compile("-O3", "--runtime", "incremental"), options);
  expect(stats.bytesOut / stats.bytesIn).toBeLessThan(1.5);
});
