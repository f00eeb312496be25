/** `wasi:io/streams` and `wasi:io/error`, first against whoever uses them wrongly. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import { suspends, type Native } from "#host/sandbox/inside/wasi/contract.js";
import { IoError, StreamClosed, StreamFailed } from "#host/sandbox/inside/wasi/error.js";
import { CHUNK, InputStream, OutputStream } from "#host/sandbox/inside/wasi/streams.js";
import { bytes, text, World } from "./world.js";

const CLOSED = { err: { tag: "closed", val: null } };
const MOST = 2n ** 64n - 1n;

describe("hostile", () => {
  test("a write beyond what check-write has allowed is a trap, and so is one that has not asked", () => {
    const world = new World();
    const out = world.out();
    expect(() => world.output("write", out, bytes("x"))).toThrow(GuestTrap);
    expect(world.output("check-write", out)).toEqual({ ok: BigInt(CHUNK) });
    expect(() => world.output("write", out, new Uint8Array(CHUNK + 1))).toThrow(
      /65537 bytes, where `check-write` has allowed 65536/,
    );
    expect(() => world.output("write-zeroes", out, MOST)).toThrow(GuestTrap);
    expect(world.stdout.bytes()).toHaveLength(0);
  });

  test("a permit is used up, however many writes share it, and asking twice does not double it", () => {
    const world = new World();
    const out = world.out();
    world.output("check-write", out);
    world.output("check-write", out);
    expect(world.output("write", out, new Uint8Array(CHUNK - 1))).toEqual({ ok: null });
    expect(world.output("write", out, new Uint8Array(1))).toEqual({ ok: null });
    expect(() => world.output("write", out, new Uint8Array(1))).toThrow(GuestTrap);
  });

  test("one handle's permit is not another's", () => {
    const world = new World();
    world.output("check-write", world.out());
    expect(() => world.output("write", world.out(), bytes("x"))).toThrow(GuestTrap);
  });

  test("blocking-write-and-flush takes 4,096 bytes and traps at one more, zeroes too", () => {
    const world = new World();
    const out = world.out();
    expect(world.output("blocking-write-and-flush", out, new Uint8Array(4096))).toEqual({ ok: null });
    expect(world.output("blocking-write-zeroes-and-flush", out, 4096n)).toEqual({ ok: null });
    expect(() => world.output("blocking-write-and-flush", out, new Uint8Array(4097))).toThrow(GuestTrap);
    expect(() => world.output("blocking-write-zeroes-and-flush", out, MOST)).toThrow(GuestTrap);
    expect(world.stdout.bytes()).toHaveLength(8192);
  });

  test("a flood of standard output ends the attempt at its limit, with the limit", () => {
    const world = new World({ outputBytes: 10_000 });
    const out = world.out();
    for (let i = 0; i < 2; i++) world.output("blocking-write-and-flush", out, new Uint8Array(4096));
    expect(() => world.output("blocking-write-and-flush", out, new Uint8Array(4096))).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({ code: "host.component", message: expect.stringContaining("10000 bytes") }),
        limit: { name: "output_bytes", value: 12_288, ceiling: 10_000 },
      }),
    );
  });

  test("a flood of single bytes takes the room of its bytes", () => {
    const world = new World({ outputBytes: 100_000 });
    const out = world.out();
    for (let i = 0; i < 100_000; i++) {
      world.output("check-write", out);
      world.output("write", out, Uint8Array.of(i));
    }
    const gathered = world.stdout.bytes();
    expect([gathered.length, gathered.buffer.byteLength]).toEqual([100_000, 100_000]);
    expect(gathered.every((byte, i) => byte === (i & 255))).toBe(true);
  });

  test.each(["read", "blocking-read", "skip", "blocking-skip"])(
    "%s of 2^64 − 1 bytes takes what there is, and at most a chunk",
    (name) => {
      const world = new World({ stdin: new Uint8Array(CHUNK + 10) });
      const stdin = world.stdin();
      const size = (value: Native): number => {
        const { ok } = value as { ok: Uint8Array | bigint };
        return typeof ok === "bigint" ? Number(ok) : ok.length;
      };
      expect(size(world.input(name, stdin, MOST))).toBe(CHUNK);
      expect(size(world.input(name, stdin, 1n << 30n))).toBe(10);
      expect(world.input(name, stdin, MOST)).toEqual(CLOSED);
      // Whoever reads for ever is told so for ever, without waiting.
      expect(world.input(name, stdin, 1n)).toEqual(CLOSED);
    },
  );

  test("nothing is read, skipped or spliced when nothing is asked for, even at the end", () => {
    const world = new World();
    const stdin = world.stdin();
    expect(world.input("read", stdin, 0n)).toEqual({ ok: new Uint8Array(0) });
    expect(world.input("skip", stdin, 0n)).toEqual({ ok: 0n });
    expect(world.output("splice", world.out(), stdin, 0n)).toEqual({ ok: 0n });
    expect(world.input("read", stdin, 1n)).toEqual(CLOSED);
  });

  test("a handle of another resource is a trap", () => {
    const world = new World({ stdin: "x" });
    const [stdin, out, timer] = [world.stdin(), world.out(), world.after(0n)];
    expect(() => world.input("read", out, 1n)).toThrow(GuestTrap);
    expect(() => world.output("check-write", stdin)).toThrow(GuestTrap);
    expect(() => world.output("splice", out, out, 1n)).toThrow(GuestTrap);
    expect(() => world.input("subscribe", timer)).toThrow(GuestTrap);
    expect(() => world.call("wasi:io/error#[method]error.to-debug-string", out)).toThrow(GuestTrap);
    expect(() => world.poll(stdin)).toThrow(GuestTrap);
  });

  test("what is read is a copy: the guest's change of it changes nothing for the next reader", () => {
    const world = new World({ stdin: "abc" });
    const first = (world.input("read", world.stdin(), 2n) as { ok: Uint8Array }).ok;
    first.fill(0);
    expect(text(world.input("read", world.stdin(), 2n))).toBe("c");
  });
});

describe("streams", () => {
  test("standard input goes on where it stopped, whichever handle reads it", () => {
    const world = new World({ stdin: "hello" });
    expect(text(world.input("read", world.stdin(), 2n))).toBe("he");
    expect(world.input("skip", world.stdin(), 1n)).toEqual({ ok: 1n });
    expect(text(world.input("blocking-read", world.stdin(), 100n))).toBe("lo");
  });

  test("splice moves bytes; an input at its end says so and leaves the output open", () => {
    const world = new World({ stdin: "moved" });
    const [stdin, out] = [world.stdin(), world.out()];
    expect(world.output("splice", out, stdin, 3n)).toEqual({ ok: 3n });
    expect(world.output("blocking-splice", out, stdin, MOST)).toEqual({ ok: 2n });
    expect(world.output("splice", out, stdin, 1n)).toEqual(CLOSED);
    expect(world.output("blocking-write-and-flush", out, bytes("!"))).toEqual({ ok: null });
    expect(Buffer.from(world.stdout.bytes()).toString()).toBe("moved!");
  });

  test("zeroes, flushes and ready pollables", () => {
    const world = new World();
    const out = world.out();
    world.output("check-write", out);
    expect(world.output("write-zeroes", out, 3n)).toEqual({ ok: null });
    expect([...world.stdout.bytes()]).toEqual([0, 0, 0]);
    for (const name of ["flush", "blocking-flush"]) expect(world.output(name, out)).toEqual({ ok: null });
    expect(world.poll(world.output("subscribe", out), world.input("subscribe", world.stdin()))).toEqual([0, 1]);
  });

  test("whatever is written, however it is cut and by whichever function, arrives as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 4096 }), fc.boolean()), { maxLength: 20 }), (parts) => {
        const world = new World();
        const out = world.out();
        for (const [part, permitted] of parts) {
          if (permitted) world.output("check-write", out);
          world.output(permitted ? "write" : "blocking-write-and-flush", out, part);
        }
        expect(Buffer.from(world.stdout.bytes()).equals(Buffer.concat(parts.map(([part]) => part)))).toBe(true);
      }),
    );
  });
});

/** A stream of somebody else's: what a file or a body will be. */
class Slow extends InputStream {
  private readonly answers: (() => Uint8Array)[];
  constructor(...answers: (() => Uint8Array)[]) {
    super();
    this.answers = answers;
  }
  async read(): Promise<Uint8Array> {
    return this.answers.shift()!();
  }
}
class Full extends OutputStream {
  write(): void {
    throw new StreamFailed(new IoError("the disk is full"));
  }
  override async flush(): Promise<void> {
    throw new StreamClosed();
  }
}

describe("streams that wait for the host", () => {
  const call = async (world: World, name: string, ...args: Native[]): Promise<Native> =>
    world.answer(`wasi:io/streams#[method]${name}`, ...args);
  const end = (): never => {
    throw new StreamClosed();
  };

  test("bytes may come later, and the end too", async () => {
    const world = new World();
    const slow = new Slow(
      () => bytes("ab"),
      () => bytes("cde"),
      end,
    );
    expect(text(await call(world, "input-stream.blocking-read", slow, 10n))).toBe("ab");
    expect(await call(world, "output-stream.splice", world.out(), slow, 10n)).toEqual({ ok: 3n });
    expect(await call(world, "input-stream.skip", slow, 10n)).toEqual(CLOSED);
    expect(await call(world, "input-stream.read", slow, 10n)).toEqual(CLOSED);
  });

  test("after `last-operation-failed`, which says what, a stream is closed", async () => {
    const world = new World();
    const full = new Full();
    await call(world, "output-stream.check-write", full);
    const failed = (await call(world, "output-stream.write", full, bytes("x"))) as { err: { tag: string; val: Native } };
    expect(failed.err.tag).toBe("last-operation-failed");
    expect(world.call("wasi:io/error#[method]error.to-debug-string", failed.err.val)).toBe("the disk is full");
    expect(await call(world, "output-stream.check-write", full)).toEqual(CLOSED);
    expect(await call(world, "output-stream.blocking-write-and-flush", full, bytes("x"))).toEqual(CLOSED);
  });

  test("a flush that finds nobody there closes", async () => {
    expect(await call(new World(), "output-stream.blocking-flush", new Full())).toEqual(CLOSED);
  });

  test("a mistake of the host's is no error of the stream's", async () => {
    const broken = new Slow(() => {
      throw new TypeError("ours");
    });
    await expect(call(new World(), "input-stream.read", broken, 1n)).rejects.toThrow(TypeError);
  });

  test("exactly those functions may give a promise that the binder lets wait", () => {
    expect(["wasi:io/streams#[method]input-stream.read", "wasi:filesystem/types#[method]descriptor.stat"].every(suspends)).toBe(
      true,
    );
    expect(["wasi:clocks/monotonic-clock#now", "wasi:io/poll#poll", "wasi:cli/exit#exit"].some(suspends)).toBe(false);
  });
});
