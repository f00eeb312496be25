/** `wasi:filesystem` as a program meets it: the view of the granted directories, over the real control side. */
import { readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHANGED_BYTES, PIECE_BYTES } from "#host/fs/limits.js";
import type { Json } from "#core/json.js";
import { all, fill, folder, gone } from "./folder.js";
import { fileGuest, FLAGS, look, newDesk, run, type Answer, type Files } from "./guest.js";

let outside: string;
let root: string;
beforeEach(async () => {
  outside = await folder();
  root = join(outside, "granted");
  await fill(outside, {
    "secret.txt": "SECRET",
    "granted/in.txt": "inside",
    "granted/sub/deep.txt": "deep",
    "granted/sub/below/deeper.txt": "deeper",
  });
});
afterEach(() => gone(outside));

const readOnly = <T extends Json>(program: (files: Files, dir: never) => Promise<T>): Promise<T> =>
  look({ fs_ro: [root] }, async (files) => program(files, (await files.preopens())[root] as never));
const writable = <T extends Json>(program: (files: Files, dir: never) => Promise<T>): Promise<T> =>
  look({ fs_rw: [root] }, async (files) => program(files, (await files.preopens())[root] as never));
const code = (answer: Answer<never>): string => ("err" in answer ? answer.err : "ok");

describe("roads out", () => {
  it.each([
    ["..", "not-permitted"],
    ["../secret.txt", "not-permitted"],
    ["sub/../../secret.txt", "not-permitted"],
    ["/etc/passwd", "not-permitted"],
    ["/", "not-permitted"],
    ["", "no-entry"],
    ["in.txt/", "not-directory"],
    ["in.txt/../in.txt", "not-directory"],
    ["nothing/../in.txt", "no-entry"],
    ["a\0b", "illegal-byte-sequence"],
    ["x".repeat(256), "name-too-long"],
    ["x/".repeat(2100), "name-too-long"],
  ])("%j", async (path, expected) => {
    expect(await readOnly(async (files, dir) => code((await files.open(dir, path)) as never))).toBe(expected);
    expect(await writable(async (files, dir) => code((await files.on(dir, "create-directory-at", path)) as never))).not.toBe(
      "ok",
    );
    expect(await all(outside)).not.toHaveProperty("x");
  });

  it.each([
    ["../secret.txt", "not-permitted"],
    ["sub/../../secret.txt", "not-permitted"],
    ["/etc/passwd", "not-permitted"],
    ["/proc/self/environ", "not-permitted"],
    ["loop", "loop"],
    ["nothing", "no-entry"],
  ])("a link to %s", async (target, expected) => {
    await symlink(target, join(root, "link"));
    await symlink("loop", join(root, "loop"));
    await symlink("link", join(root, "sub/chain"));
    await symlink("../link", join(root, "sub/up"));
    expect(await readOnly((files, dir) => files.text(dir, "link"))).toBe(`! ${expected}`);
    expect(await readOnly((files, dir) => files.text(dir, "sub/up"))).toBe(`! ${expected}`);
    // Whoever holds only a directory below cannot be led above it by a link that is in it.
    const below = async (files: Files, dir: never) => {
      const sub = (await files.open(dir, "sub", { directory: true })) as { ok: never };
      return [await files.text(sub.ok, "up"), await files.text(sub.ok, "../in.txt"), await files.text(sub.ok, "deep.txt")];
    };
    expect(await readOnly(below)).toEqual(["! not-permitted", "! not-permitted", "deep"]);
  });

  it("a link that stays inside is followed, through others, in the view", async () => {
    await symlink("sub/../sub/below", join(root, "link"));
    await symlink("../../in.txt", join(root, "sub/below/up"));
    const seen = await writable(async (files, dir) => {
      const first = await files.text(dir, "link/up");
      await files.write(dir, "in.txt", "mine");
      return [first, await files.text(dir, "link/up"), await files.text(dir, "link/deeper.txt")];
    });
    expect(seen).toEqual(["inside", "mine", "deeper"]);
  });

  it("links are told as links, and neither made, moved nor removed", async () => {
    await symlink("in.txt", join(root, "link"));
    await symlink("/etc/passwd", join(root, "absolute"));
    const seen = await writable(async (files, dir) => [
      await files.on(dir, "readlink-at", "link"),
      await files.on(dir, "readlink-at", "absolute"),
      await files.on(dir, "symlink-at", "in.txt", "new"),
      await files.on(dir, "link-at", {}, "in.txt", dir, "new"),
      await files.on(dir, "unlink-file-at", "link"),
      await files.on(dir, "rename-at", "link", dir, "new"),
      ((await files.on(dir, "stat-at", {}, "link")) as { ok: { type: string } }).ok.type,
      code(await files.on(dir, "open-at", {}, "link", {}, { read: true })),
    ]);
    expect(seen).toEqual([
      { ok: "in.txt" },
      { err: "not-permitted" },
      { err: "not-permitted" },
      { err: "not-permitted" },
      { err: "not-permitted" },
      { err: "not-permitted" },
      "symbolic-link",
      "loop",
    ]);
  });
});

describe("a directory for reading", () => {
  it("refuses everything that would change it", async () => {
    const seen = await readOnly(async (files, dir) => {
      const file = (await files.open(dir, "in.txt")) as { ok: never };
      return [
        await files.write(dir, "in.txt", "x"),
        await files.write(dir, "new", "x"),
        await files.open(dir, "in.txt", {}, { read: true, write: true }),
        await files.open(dir, "sub", { directory: true }, { mutate_directory: true }),
        await files.on(dir, "create-directory-at", "new"),
        await files.on(dir, "unlink-file-at", "in.txt"),
        await files.on(dir, "remove-directory-at", "sub"),
        await files.on(dir, "rename-at", "in.txt", dir, "new"),
        await files.on(file.ok, "write", new Uint8Array(1), 0n),
        await files.on(file.ok, "set-size", 0n),
        await files.on(file.ok, "append-via-stream"),
        await files.on(file.ok, "set-times", { tag: "now", val: null }, { tag: "now", val: null }),
      ].map((answer) => code(answer as never));
    });
    expect(seen).toEqual(Array(12).fill("read-only"));
  });
  it("stays for reading where a directory in it is for writing, and the other way round", async () => {
    const seen = await look({ fs_ro: [root], fs_rw: [join(root, "sub")] }, async (files) => {
      const { [root]: outer, [join(root, "sub")]: inner } = await files.preopens();
      const wrote = await files.write(inner!, "new.txt", "x");
      return [code(wrote as never), code((await files.write(outer!, "sub/other.txt", "x")) as never), await files.names(inner!)];
    });
    expect(seen).toEqual(["ok", "read-only", ["below/", "deep.txt", "new.txt"]]);
  });
});

describe("what was written", () => {
  it("is seen by the guest at once, and on disk when the attempt has succeeded", async () => {
    const seen = await writable(async (files, dir) => {
      await files.write(dir, "in.txt", "changed");
      await files.on(dir, "create-directory-at", "made");
      await files.write(dir, "made/new.txt", "new");
      await files.on(dir, "unlink-file-at", "sub/deep.txt");
      const inMiddle = await readFile(join(root, "in.txt"), "utf8");
      return [inMiddle, await files.text(dir, "in.txt"), await files.text(dir, "sub/deep.txt"), await files.names(dir)];
    });
    expect(seen).toEqual(["inside", "changed", "! no-entry", ["in.txt", "made/", "sub/"]]);
    expect(await all(root)).toEqual({
      "in.txt": "changed",
      "made/": null,
      "made/new.txt": "new",
      "sub/": null,
      "sub/below/": null,
      "sub/below/deeper.txt": "deeper",
    });
  });

  it("writes in the middle, over the ends of pieces, behind the end, and cuts: as one file would have it", async () => {
    const size = PIECE_BYTES * 2 + 10;
    const original = Buffer.alloc(size, "abcdefghij");
    await writeFile(join(root, "big"), original);
    await writable(async (files, dir) => {
      const { ok: file } = (await files.open(dir, "big", {}, { read: true, write: true })) as { ok: never };
      await files.on(file, "write", new Uint8Array(Buffer.from("0123456789")), BigInt(PIECE_BYTES - 5));
      await files.on(file, "set-size", BigInt(PIECE_BYTES * 2 + 2));
      await files.on(file, "set-size", BigInt(PIECE_BYTES * 2 + 8));
      await files.on(file, "write", new Uint8Array(Buffer.from("end")), BigInt(PIECE_BYTES * 3));
      return "";
    });
    const expected = Buffer.alloc(PIECE_BYTES * 3 + 3);
    original.copy(expected, 0, 0, PIECE_BYTES * 2 + 2);
    expected.write("0123456789", PIECE_BYTES - 5);
    expected.write("end", PIECE_BYTES * 3);
    expect(Buffer.compare(await readFile(join(root, "big")), expected)).toBe(0);
  });

  it("streams read, write and append", async () => {
    const seen = await writable(async (files, dir) => {
      const { ok: file } = (await files.open(dir, "in.txt", {}, { read: true, write: true })) as { ok: never };
      const { ok: end } = (await files.on(file, "append-via-stream")) as { ok: never };
      const { ok: start } = (await files.on(file, "write-via-stream", 0n)) as { ok: never };
      const stream = (name: string, self: never, ...args: never[]) =>
        files.call(`wasi:io/streams#[method]${name}`, self, ...args);
      await stream("output-stream.blocking-write-and-flush", end, new Uint8Array(Buffer.from("!!")) as never);
      await stream("output-stream.blocking-write-and-flush", start, new Uint8Array(Buffer.from("IN")) as never);
      await stream("output-stream.blocking-write-and-flush", start, new Uint8Array(Buffer.from("S")) as never);
      const { ok: input } = (await files.on(file, "read-via-stream", 2n)) as { ok: never };
      const first = (await stream("input-stream.blocking-read", input, 100n as never)) as { ok: Uint8Array };
      const last = await stream("input-stream.blocking-read", input, 100n as never);
      return [Buffer.from(first.ok).toString(), last as Json];
    });
    expect(seen).toEqual(["Side!!", { err: { tag: "closed", val: null } }]);
    expect(await readFile(join(root, "in.txt"), "utf8")).toBe("INSide!!");
  });

  it("renames: files, directories that it has made, over what is there; directories of the disk are copied by whoever moves them", async () => {
    const codes = await writable(async (files, dir) => {
      await files.on(dir, "create-directory-at", "made");
      await files.write(dir, "made/a", "a");
      const rename = async (from: string, to: string) => code(await files.on(dir, "rename-at", from, dir, to));
      return [
        await rename("in.txt", "sub/moved.txt"),
        await rename("made", "sub/below/made"),
        await rename("sub/deep.txt", "sub/moved.txt"),
        await rename("sub", "elsewhere"),
        await rename("sub/below/made", "sub/below/made/inner"),
        await rename("nothing", "x"),
        await rename("sub/moved.txt", "sub"),
        await rename(".", "x"),
        await rename("sub/moved.txt", ".rlp-0123456789abcdef-1.partial"),
      ];
    });
    expect(codes).toEqual(["ok", "ok", "ok", "cross-device", "invalid", "no-entry", "is-directory", "invalid", "not-permitted"]);
    expect(await all(root)).toEqual({
      "sub/": null,
      "sub/below/": null,
      "sub/below/deeper.txt": "deeper",
      "sub/below/made/": null,
      "sub/below/made/a": "a",
      "sub/moved.txt": "deep",
    });
  });

  it("a directory goes when it is empty, and may come back as something else", async () => {
    const codes = await writable(async (files, dir) => {
      const before = code(await files.on(dir, "remove-directory-at", "sub"));
      for (const path of ["sub/deep.txt", "sub/below/deeper.txt"]) await files.on(dir, "unlink-file-at", path);
      await files.on(dir, "remove-directory-at", "sub/below");
      const after = code(await files.on(dir, "remove-directory-at", "sub"));
      await files.write(dir, "sub", "a file now");
      return [before, after];
    });
    expect(codes).toEqual(["not-empty", "ok"]);
    expect(await all(root)).toEqual({ "in.txt": "inside", sub: "a file now" });
  });

  it("made and taken away again, or written with nothing: nothing is left to commit", async () => {
    const { end, shown } = await run(
      { fs_rw: [root] },
      fileGuest(async (files) => {
        const dir = (await files.preopens())[root]!;
        await files.write(dir, "temporary", "x");
        await files.on(dir, "unlink-file-at", "temporary");
        await files.on(dir, "create-directory-at", "d");
        await files.on(dir, "remove-directory-at", "d");
        return "done";
      }),
    );
    expect(end.status).toBe("ok");
    expect(shown).toEqual([]);
  });
});

describe("opening", () => {
  it.each<[string, object, object, string]>([
    ["in.txt", { create: true, exclusive: true }, { write: true }, "exist"],
    ["new", { create: true, exclusive: true }, { write: true }, "ok"],
    ["new", {}, { read: true }, "no-entry"],
    ["sub", {}, { read: true }, "ok"],
    ["sub", {}, { write: true }, "is-directory"],
    ["sub", { create: true, directory: true }, {}, "invalid"],
    ["in.txt", { directory: true }, { read: true }, "not-directory"],
    ["in.txt", { truncate: true }, { read: true }, "invalid"],
    [".", {}, { read: true }, "ok"],
    ["new/", { create: true }, { write: true }, "is-directory"],
  ])("%s %j %j: %s", async (path, how, rights, expected) => {
    expect(await writable(async (files, dir) => code((await files.open(dir, path, how, rights)) as never))).toBe(expected);
  });

  it("knows a file again, whatever it is called, and tells when it has changed", async () => {
    const seen = await writable(async (files, dir) => {
      const hash = async (path: string) =>
        JSON.stringify(await files.on(dir, "metadata-hash-at", FLAGS, path), (_, v) =>
          String(v) === v || typeof v !== "bigint" ? v : String(v),
        );
      const { ok: file } = (await files.open(dir, "in.txt", {}, { write: true })) as { ok: never };
      const { ok: other } = (await files.open(dir, "sub/deep.txt")) as { ok: never };
      const listed = [await hash("in.txt"), await files.names(dir), await hash("in.txt")];
      const first = await hash("in.txt");
      await files.on(file, "write", new Uint8Array([1]), 0n);
      const changed = await hash("in.txt");
      await files.on(dir, "rename-at", "in.txt", dir, "renamed");
      const { ok: again } = (await files.open(dir, "renamed")) as { ok: never };
      return [
        listed[0] === listed[2] && first === listed[0],
        first !== changed,
        (await files.on(file, "is-same-object", again)) as unknown as boolean,
        (await files.on(file, "is-same-object", other)) as unknown as boolean,
        (await hash("sub/deep.txt")) !== (await hash("sub/below/deeper.txt")),
      ];
    });
    expect(seen).toEqual([true, true, true, false, true]);
  });

  it("tells sizes, and times only where the grant does", async () => {
    const stat = (grant: { time: boolean }) =>
      look({ fs_ro: [root], ...grant }, async (files) => {
        const dir = (await files.preopens())[root]!;
        const { ok } = (await files.on(dir, "stat-at", FLAGS, "in.txt")) as {
          ok: { size: bigint; data_modification_timestamp: object | null };
        };
        return [Number(ok.size), ok.data_modification_timestamp === null];
      });
    expect(await stat({ time: false })).toEqual([6, true]);
    expect(await stat({ time: true })).toEqual([6, false]);
  });

  it("what is open stays readable when its name is gone, and takes no more room afterwards", async () => {
    const seen = await writable(async (files, dir) => {
      const { ok: file } = (await files.open(dir, "in.txt", {}, { read: true, write: true })) as { ok: { drop(): void } };
      await files.on(dir, "unlink-file-at", "in.txt");
      const still = (await files.on(file as never, "read", 3n, 0n)) as { ok: [Uint8Array, boolean] };
      for (let round = 0; round < 5; round++) {
        const { ok: big } = (await files.open(dir, "big", { create: true }, { write: true })) as { ok: { drop(): void } };
        const grown = code(await files.on(big as never, "set-size", BigInt(CHANGED_BYTES)));
        if (grown !== "ok") return grown;
        await files.on(dir, "unlink-file-at", "big");
        big.drop();
      }
      return Buffer.from(still.ok[0]).toString();
    });
    expect(seen).toBe("ins");
  });
});

describe("floods", () => {
  it("more bytes than an attempt may leave: `quota`, told once as a limit, and the rest goes on", async () => {
    const met: string[] = [];
    const { end } = await run(
      { fs_rw: [root] },
      fileGuest(
        async (files) => {
          const dir = (await files.preopens())[root]!;
          const { ok: file } = (await files.open(dir, "big", { create: true }, { write: true })) as { ok: never };
          const codes = [
            code(await files.on(file, "set-size", 1n << 40n)),
            code(await files.on(file, "write", new Uint8Array(1), (1n << 63n) - 1n)),
            code(await files.on(file, "write", new Uint8Array(1), BigInt(CHANGED_BYTES))),
          ];
          await files.on(dir, "unlink-file-at", "big");
          return codes;
        },
        { met: (name) => met.push(name) },
      ),
    );
    expect(end).toMatchObject({ outputs: [{ body: JSON.stringify(["quota", "quota", "quota"]) }] });
    expect(new Set(met)).toEqual(new Set(["file_bytes"]));
  });
  it("more names than an attempt may make", async () => {
    const made = await writable(async (files, dir) => {
      await files.on(dir, "create-directory-at", "d");
      const made: string[] = ["d"];
      for (;;) {
        const path = `d/${made.length}`;
        const answer = await files.on(dir, "create-directory-at", path);
        if ("ok" in answer) made.push(path);
        else {
          for (const each of made.toReversed()) await files.on(dir, "remove-directory-at", each);
          return [made.length, answer.err];
        }
      }
    });
    expect(made).toEqual([5000, "quota"]);
  });
  it.runIf(process.platform === "linux")(
    "a sparse terabyte is read at its end, and is no file to change or to take away",
    async () => {
      await truncate(join(root, "in.txt"), 2 ** 40);
      const codes = await writable(async (files, dir) => {
        const { ok: file } = (await files.open(dir, "in.txt", {}, { read: true, write: true })) as { ok: never };
        const { ok } = (await files.on(file, "read", 10n, 2n ** 40n - 3n)) as { ok: [Uint8Array, boolean] };
        return [
          ok[0].length,
          code(await files.on(file, "write", new Uint8Array(1), 0n)),
          code((await files.open(dir, "in.txt", { truncate: true }, { write: true })) as never),
          code(await files.on(dir, "unlink-file-at", "in.txt")),
        ];
      });
      expect(codes).toEqual([3, "file-too-large", "file-too-large", "file-too-large"]);
    },
  );
  it("directories below one another without end", async () => {
    const depth = await writable(async (files, dir) => {
      const made: string[] = [];
      for (;;) {
        const path = Array(made.length + 1)
          .fill("d")
          .join("/");
        const answer = await files.on(dir, "create-directory-at", path);
        if ("ok" in answer) made.push(path);
        else {
          for (const each of made.toReversed()) await files.on(dir, "remove-directory-at", each);
          return [made.length > 50 && made.length < 200, answer.err];
        }
      }
    });
    expect(depth).toEqual([true, "name-too-long"]);
  });
});

it("nor from handle to handle, or by moving what was made deeper: the sandbox process must never say what nobody takes", async () => {
  const seen = await writable(async (files, dir) => {
    const made: { at: never; name: string }[] = [];
    let at = dir;
    let refused = "";
    for (;;) {
      const answer = await files.on(at, "create-directory-at", "d");
      if ("err" in answer) {
        refused = answer.err;
        break;
      }
      made.push({ at, name: "d" });
      at = ((await files.open(at, "d", { directory: true })) as { ok: never }).ok;
    }
    await files.on(dir, "create-directory-at", "tree");
    await files.on(dir, "create-directory-at", "tree/inner");
    const moved = code(await files.on(dir, "rename-at", "tree", made.at(-1)!.at, "tree"));
    const long = code(await files.on(dir, "create-directory-at", "n".repeat(255)));
    for (const path of ["tree/inner", "tree", "n".repeat(255)]) await files.on(dir, "remove-directory-at", path);
    for (const each of made.toReversed()) await files.on(each.at, "remove-directory-at", each.name);
    return [made.length, refused, moved, long];
  });
  expect(seen).toEqual([128, "name-too-long", "name-too-long", "ok"]);
});

it("work that no border sees is paid for: each part of a path, each name that is listed, as often as it is", async () => {
  await fill(root, Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`many/${index}`, ""])));
  const paid = async (work: (files: Files, dir: never) => Promise<unknown>): Promise<number> => {
    let fuel = 0;
    const program = fileGuest(
      async (files) => {
        const dir = (await files.preopens())[root] as never;
        await files.names(dir);
        fuel = 0;
        await work(files, dir);
        return "";
      },
      { pay: (each) => (fuel += each) },
    );
    await run({ fs_ro: [root] }, program);
    return fuel;
  };
  const short = await paid((files, dir) => files.text(dir, "in.txt"));
  expect(await paid((files, dir) => files.text(dir, `${"./".repeat(2000)}in.txt`))).toBeGreaterThan(2000 * 10);
  expect(short).toBeLessThan(100);
  const lists = async (files: Files, dir: never, times: number): Promise<void> => {
    const many = (await files.open(dir, "many", { directory: true })) as unknown as { ok: never };
    for (let i = 0; i < times; i++) await files.on(many.ok, "read-directory");
  };
  const once = await paid((files, dir) => lists(files, dir, 1));
  expect(once).toBeGreaterThan(500 * 50);
  expect(await paid((files, dir) => lists(files, dir, 3))).toBeGreaterThan(2.5 * once);
});

it("asks for nothing twice: a path is one question, and what was read is read again from memory", async () => {
  const desk = newDesk();
  await run(
    { fs_ro: [root] },
    fileGuest(async (files) => {
      const dir = (await files.preopens())[root]!;
      for (let i = 0; i < 3; i++) {
        await files.text(dir, "sub/below/deeper.txt");
        await files.text(dir, "sub/below/nothing");
        await files.names(dir);
      }
      return "";
    }),
    { desk },
  );
  const calls = desk.journal.events.flatMap((event) => (event.kind === "call.finished" ? [event.meta.function] : []));
  expect(calls).toEqual(["stat", "read", "stat", "list"]);
});
