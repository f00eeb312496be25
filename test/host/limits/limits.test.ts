import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { hostFailures } from "#core/values.js";
import { homeAt } from "#host/config/home.js";
import { loadConfig } from "#host/config/load.js";
import { limitsOf, lower, recordedLimits, type Ceilings } from "#host/limits/effective.js";
import { limitNames, limitTable } from "#host/limits/table.js";
import { mostInProcess, Places } from "#host/sandbox/places.js";

const root = mkdtempSync(join(tmpdir(), "rlp-limits-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const none = Object.fromEntries(limitNames.map((name) => [name, null])) as unknown as Ceilings;

function load(user: string, system = "") {
  writeFileSync(join(root, "config.yaml"), user);
  writeFileSync(join(root, "system.yaml"), system);
  return loadConfig({
    home: homeAt(root, true),
    flags: [],
    env: {},
    cwd: root,
    systemFile: join(root, "system.yaml"),
  });
}

test.each(["-1", "0", "1.5", ".nan", ".inf", "1e30", '"64"', "[64]", "{mib: 64}", "true"])("a ceiling of %s is none", (value) => {
  for (const name of ["fuel", "memory_mib", "instances", "processes"])
    expect(() => load(`limits: {${name}: ${value}}\n`)).toThrow(new RegExp(`limits.${name}`));
});

test("what was recorded is held to what any manifest may ask for, and nonsense counts for nothing", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...limitNames, "__proto__", "x"), fc.oneof(fc.double(), fc.integer())), (given) => {
      const limits = recordedLimits(given);
      for (const name of limitNames) {
        expect(Number.isInteger(limits[name]) && limits[name] >= 1 && limits[name] <= limitTable[name].most).toBe(true);
        const asked = Object.hasOwn(given, name) ? given[name] : undefined;
        if (asked !== undefined && Number.isInteger(asked) && asked >= 1 && asked <= limitTable[name].most)
          expect(limits[name]).toBe(asked);
      }
    }),
  );
});

test("a ceiling lowers what is asked for, and says so; it never raises", () => {
  const asked = limitsOf({ fuel: 1000, memory_mib: 512 });
  expect(lower(asked, none)).toEqual({ limits: asked, lowered: [] });
  expect(lower(asked, { ...none, fuel: 5000, memory_mib: 128, log_lines: 10 })).toEqual({
    limits: { ...asked, memory_mib: 128, log_lines: 10 },
    lowered: [
      { limit: "memory_mib", asked: 512, ceiling: 128 },
      { limit: "log_lines", asked: 1000, ceiling: 10 },
    ],
  });
});

test("the table is sane, and every failure in it is one of the host's", () => {
  for (const name of limitNames) {
    const { usual, most, bite } = limitTable[name];
    expect(usual >= 1 && usual <= most && Number.isSafeInteger(most), name).toBe(true);
    if ("ends" in bite) expect(Object.keys(hostFailures)).toContain(bite.ends);
  }
});

test("the system's file holds the person's ceilings down", () => {
  const { config } = load("", "policy: {limits: {fuel: 1000}}\n");
  expect(config.limits.fuel).toBe(1000);
  expect(load("limits: {fuel: 500}\n", "policy: {limits: {fuel: 1000}}\n").config.limits.fuel).toBe(500);
  expect(() => load("limits: {fuel: 5000}\n", "policy: {limits: {fuel: 1000}}\n")).toThrow(/looser than the system's limit/);
});

test("a process holds no more guests than its maps allow, and at least one", () => {
  expect(mostInProcess(100_000, null)).toBe(8000);
  expect(mostInProcess(8000, 65_530)).toBe(8000);
  expect(mostInProcess(8000, 7096)).toBe(1000);
  expect(mostInProcess(8000, 3)).toBe(1);
  expect(mostInProcess(5, 65_530)).toBe(5);
});

test("places go by turn: whoever comes later does not get in between, whoever is cancelled leaves the line", async () => {
  const places = new Places(1);
  const never = new AbortController().signal;
  const gone = new AbortController();
  const got: string[] = [];
  const enter = (name: string, signal = never): Promise<void> =>
    places.take(signal).then((granted) => void got.push(granted ? name : `${name} left`));
  await enter("a");
  const rest = [enter("b"), enter("c", gone.signal), enter("d")];
  gone.abort();
  places.free();
  const late = enter("late");
  await Promise.resolve();
  expect(await places.take(AbortSignal.abort())).toBe(false);
  places.free();
  places.free();
  await Promise.all([...rest, late]);
  expect(got).toEqual(["a", "c left", "b", "d", "late"]);
});
