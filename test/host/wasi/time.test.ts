/** `wasi:clocks` and `wasi:io/poll`: time that is the guest's own. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AttemptFailed, GuestTrap } from "#host/sandbox/inside/ends.js";
import { EPOCH_MS, World } from "./world.js";

const HOUR = 3_600_000_000_000n;
const FOREVER = 2n ** 64n - 1n;

describe("hostile", () => {
  test("a poll is paid for by its list, in which one pollable can stand a thousand times", () => {
    const world = new World();
    const timer = world.after(1n);
    world.poll(...Array.from({ length: 1000 }, () => timer));
    expect(world.paid).toBe(100_000);
  });

  test("a poll of nothing is a trap", () => {
    expect(() => new World().poll()).toThrow(GuestTrap);
  });

  test.each(["subscribe-duration", "subscribe-instant"])(
    "%s of 2^64 − 1 does not overflow: it is not ready, and waiting for it ends the attempt",
    (name) => {
      const world = new World();
      world.fuel = 1000;
      const never = world.call(`wasi:clocks/monotonic-clock#${name}`, FOREVER);
      expect(world.call("wasi:io/poll#[method]pollable.ready", never)).toBe(false);
      for (const wait of [() => world.poll(never), () => world.call("wasi:io/poll#[method]pollable.block", never)])
        expect(wait).toThrow(
          expect.objectContaining({
            failure: expect.objectContaining({ code: "host.timeout" }),
            limit: expect.objectContaining({ name: "sleep_ms", ceiling: 86_400_000 }),
          }),
        );
      // Who waits for that or for something else gets the other.
      expect(world.poll(never, world.after(5n))).toEqual([1]);
    },
  );

  test("sleeping again and again comes to the same end as sleeping long", () => {
    const world = new World();
    for (let hours = 0; hours < 24; hours++) world.poll(world.after(HOUR));
    expect(world.now()).toBe(24n * HOUR);
    expect(() => world.poll(world.after(1n))).toThrow(AttemptFailed);
  });

  test("without `time` nothing tells what was computed: no clock, no timer, no order of sleeps", () => {
    const world = new World({ time: false });
    const readings = () => [
      world.now(),
      world.call("wasi:clocks/wall-clock#now"),
      world.call("wasi:io/poll#[method]pollable.ready", timer),
    ];
    const timer = world.after(1n);
    const before = readings();
    world.fuel = 1_000_000_000_000;
    expect(readings()).toEqual(before);
    expect(before).toEqual([0n, { seconds: 0n, nanoseconds: 0 }, false]);
    // A sleep ends, moves the clock by what the guest itself said, and by nothing else.
    expect(world.poll(timer, world.after(2n))).toEqual([0]);
    expect(world.now()).toBe(1n);
  });

  test("two runs at other times of day, with the same fuel, read the same but for the epoch", () => {
    const read = (world: World) => {
      world.fuel = 12_345;
      return [world.now(), world.poll(world.after(10n), world.after(5n)), world.now()];
    };
    expect(read(new World())).toEqual(read(new World()));
  });
});

describe("time", () => {
  test("clocks start at the epoch and go with the fuel", () => {
    const world = new World();
    expect(world.now()).toBe(0n);
    world.fuel = 2_500_000_000;
    expect(world.now()).toBe(2_500_000_000n);
    expect(world.call("wasi:clocks/wall-clock#now")).toEqual({
      seconds: BigInt(EPOCH_MS / 1000) + 2n,
      nanoseconds: 500_000_000,
    });
    expect(world.call("wasi:clocks/monotonic-clock#resolution")).toBe(1n);
    expect(world.call("wasi:clocks/wall-clock#resolution")).toEqual({ seconds: 0n, nanoseconds: 1 });
  });

  test("whoever sleeps an hour is woken at once, an hour later by the guest's clocks", () => {
    const world = new World();
    world.fuel = 7;
    world.call("wasi:io/poll#[method]pollable.block", world.after(HOUR));
    expect(world.now()).toBe(HOUR + 7n);
    world.fuel = 9;
    expect(world.now()).toBe(HOUR + 9n);
  });

  test("a moment that is past is ready", () => {
    const world = new World();
    world.fuel = 100;
    const past = world.call("wasi:clocks/monotonic-clock#subscribe-instant", 100n);
    expect(world.call("wasi:io/poll#[method]pollable.ready", past)).toBe(true);
    expect(world.poll(past)).toEqual([0]);
    expect(world.now()).toBe(100n);
  });

  test("a poll gives all that are ready and sleeps only where none is: until the first is", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, 1000n), { minLength: 1, maxLength: 12 }), fc.nat(500), (durations, fuel) => {
        const world = new World();
        const timers = durations.map((duration) => world.after(duration));
        world.fuel = fuel;
        const ready = world.poll(...timers);
        const least = durations.reduce((a, b) => (a < b ? a : b));
        const now = least > BigInt(fuel) ? least : BigInt(fuel);
        expect(world.now()).toBe(now);
        expect(ready).toEqual(durations.flatMap((due, index) => (due <= now ? [index] : [])));
      }),
    );
  });
});

describe('time = "real"', () => {
  const MS = 1_767_225_600_123;
  const real = (): World => new World({ realMs: () => Promise.resolve(MS) });

  test("dates are the machine's, as the control process tells them; how long something takes is not", async () => {
    const world = real();
    world.fuel = 5000;
    expect(await world.answer("wasi:clocks/wall-clock#now")).toEqual({ seconds: 1_767_225_600n, nanoseconds: 123_000_000 });
    expect(world.call("wasi:clocks/monotonic-clock#now")).toBe(5000n);
  });

  test("a reading that is refused ends the attempt, and no other clock stands in for it", async () => {
    const world = new World({ realMs: () => Promise.reject(new GuestTrap("no time can be told")) });
    await expect(world.answer("wasi:clocks/wall-clock#now")).rejects.toThrow(GuestTrap);
  });
});
