/** `wasi:random`, `wasi:cli`, and the digest of everything that was answered. */
import { describe, expect, test } from "vitest";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";
import { Exited } from "#host/sandbox/inside/wasi/cli.js";
import { World, type Given } from "./world.js";

describe("randomness", () => {
  test.each(["wasi:random/random#get-random-bytes", "wasi:random/insecure#get-insecure-random-bytes"])(
    "%s: too many bytes are a trap before any is made",
    (name) => {
      const world = new World();
      expect(() => world.call(name, 2n ** 64n - 1n)).toThrow(GuestTrap);
      expect(() => world.call(name, (1n << 20n) + 1n)).toThrow(/1048576 are the limit/);
      expect(world.call(name, 0n)).toHaveLength(0);
    },
  );

  test("without `random` there is no `wasi:random/random`, and the rest is the same for every attempt and every agent", () => {
    const drawn = (given: Given) => {
      const world = new World({ random: false, ...given });
      expect(world.has("wasi:random/random#get-random-bytes")).toBe(false);
      return [
        world.call("wasi:random/insecure-seed#insecure-seed"),
        world.call("wasi:random/insecure#get-insecure-random-u64"),
        world.call("wasi:random/insecure#get-insecure-random-u64"),
      ];
    };
    const one = drawn({});
    expect(drawn({ seed: "11".repeat(32) })).toEqual(one);
    // Code that draws until two values differ must come to an end.
    expect(one[1]).not.toEqual(one[2]);
  });

  test("with `random` it is the attempt's stream: the same seed the same values, another seed others", () => {
    const drawn = (seed: string) => {
      const world = new World({ seed });
      return ["random#get-random-u64", "insecure#get-insecure-random-u64", "insecure-seed#insecure-seed"].map((name) =>
        world.call(`wasi:random/${name}`),
      );
    };
    expect(drawn("11".repeat(32))).toEqual(drawn("11".repeat(32)));
    expect(drawn("11".repeat(32))).not.toEqual(drawn("22".repeat(32)));
  });
});

describe("the command line", () => {
  test("there is no environment, argument, folder or terminal", () => {
    const world = new World();
    expect(world.call("wasi:cli/environment#get-environment")).toEqual([]);
    expect(world.call("wasi:cli/environment#get-arguments")).toEqual([]);
    expect(world.call("wasi:cli/environment#initial-cwd")).toBeNull();
    for (const name of ["stdin", "stdout", "stderr"])
      expect(world.call(`wasi:cli/terminal-${name}#get-terminal-${name}`)).toBeNull();
  });

  test("exit ends the program with its status", () => {
    const exit = (name: string, status: Native) => (): unknown => new World().call(`wasi:cli/exit#${name}`, status);
    expect(exit("exit", { ok: null })).toThrow(Exited);
    expect(exit("exit", { ok: null })).toThrow(expect.objectContaining({ status: 0 }));
    expect(exit("exit", { err: null })).toThrow(expect.objectContaining({ status: 1 }));
    expect(exit("exit-with-code", 75)).toThrow(expect.objectContaining({ status: 75 }));
  });
});

describe("the transcript", () => {
  const digest = (work: (world: World) => void, given: Given = {}): string => {
    const world = new World(given);
    work(world);
    return world.transcript.digest();
  };
  const read = (world: World): void => void world.input("read", world.stdin(), 1n);

  test("holds what was asked, when, and what was answered", () => {
    const same = digest(read, { stdin: "a" });
    expect(digest(read, { stdin: "a" })).toBe(same);
    expect(digest(read, { stdin: "b" })).not.toBe(same);
    expect(digest((world) => read(world) ?? read(world), { stdin: "a" })).not.toBe(same);
    expect(
      digest(
        (world) => {
          world.fuel = 1;
          read(world);
        },
        { stdin: "a" },
      ),
    ).not.toBe(same);
    expect(digest((world) => void world.input("blocking-read", world.stdin(), 1n), { stdin: "a" })).not.toBe(same);
    expect(same).toMatch(/^[0-9a-f]{64}$/);
  });

  test("values that look alike are told apart", () => {
    const values = [
      null,
      false,
      true,
      0,
      1,
      0n,
      1n,
      "",
      "1",
      [],
      ["1"],
      [["1"]],
      new Uint8Array(0),
      new Uint8Array(1),
      {},
      { a: 1 },
      { ok: null },
      { err: null },
    ];
    const digests = values.map((value) => digest((world) => world.transcript.value(value as never)));
    expect(new Set(digests).size).toBe(values.length);
  });
});
