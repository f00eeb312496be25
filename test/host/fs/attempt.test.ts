/** What an attempt has written becomes part of the disk: decided, once, as a whole, or not at all. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunEventOf } from "#core/events.js";
import { realDisk } from "#host/fs/disk.js";
import { directoryGuard } from "#host/fs/guard.js";
import { GrantedDirectory } from "#host/fs/granted.js";
import { FileError } from "#host/fs/error.js";
import { prepareCommit } from "#host/fs/prepare.js";
import type { Entry } from "#host/fs/walk.js";
import { fsFunctions } from "#host/imports/fs.js";
import { attempt, agent, costs, recordedIn } from "../run/world.js";
import { stepping } from "./commit-case.js";
import { all, fill, folder, gone, KEY } from "./folder.js";
import { fileGuest, newDesk, run, type Files } from "./guest.js";

let outside: string;
let root: string;
beforeEach(async () => {
  outside = await folder();
  root = join(outside, "granted");
  await fill(root, { "report.txt": "old line\nsame\n", "image.bin": Buffer.from([0, 1, 2]) });
});
afterEach(() => gone(outside));

const writes = (text = "new line\nsame\n") =>
  fileGuest(async (files: Files) => {
    const dir = (await files.preopens())[root]!;
    await files.write(dir, "report.txt", text);
    await files.write(dir, "image.bin", new Uint8Array([0, 9]));
    await files.on(dir, "create-directory-at", "made");
    return "written";
  });
const AFTER = { "image.bin": "\0\t", "made/": null, "report.txt": "new line\nsame\n" };
const kindsOf = (desk: { journal: { kinds(): string[] } }) => desk.journal.kinds().filter((kind) => kind !== "call.finished");

describe("committing", () => {
  it("shows what will be changed, is decided, and is done: intent, decision, start, disk, outcome", async () => {
    const desk = newDesk();
    const { end } = await run({ fs_rw: [root] }, writes(), { desk });
    expect(end.status).toBe("ok");
    expect(await all(root)).toEqual(AFTER);
    expect(kindsOf(desk)).toEqual(["action.proposed", "node.waiting", "action.decided", "call.started", "action.finished"]);
    expect(desk.shown[0]!.replaceAll(root, "DIR").replaceAll(/[0-9a-f]{64}/g, "DIGEST")).toBe(
      [
        "Change 3 names in granted directories",
        "  change DIR/image.bin",
        "    (not shown as text)",
        "    before: 3 bytes, BLAKE3 DIGEST",
        "    after: 2 bytes, BLAKE3 DIGEST",
        "  make directory DIR/made",
        "  change DIR/report.txt",
        "    @@ from line 1, now 1 @@",
        "    -old line",
        "    +new line",
        "     same",
      ].join("\n"),
    );
  });
  it("hides nothing from whoever decides: control characters and overrides in names and texts are visible", async () => {
    const desk = newDesk();
    await run(
      { fs_rw: [root] },
      fileGuest(async (files) => {
        await files.write((await files.preopens())[root]!, "a\u001b[2Jb\u202e", "x\u001b[31m\u200by\n");
        return "";
      }),
      { desk },
    );
    expect(desk.shown[0]).toContain("a\\e[2Jb\\u{202e}");
    expect(desk.shown[0]).toContain("+x\\e[31m\\u{200b}y");
  });
  it("labels say which directory was read", async () => {
    const { end } = await run(
      { fs_ro: [root] },
      fileGuest(async (files) => files.text((await files.preopens())[root]!, "report.txt")),
    );
    expect(end).toMatchObject({ outputs: [{ labels: [`file:${root}`] }] });
  });
});

describe("nothing is left behind", () => {
  it.each<[string, Parameters<typeof run>[2], object]>([
    ["by a rejection", { decision: { decision: "rejected", by: "user", reason: "no" } }, { failure: { code: "host.rejected" } }],
    ["while nobody has decided", { decision: null }, { status: "parked" }],
    [
      "by a full disk",
      {
        disk: stepping((_, what) => {
          if (what === "write") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
        }),
      },
      { failure: { code: "host.commit" } },
    ],
  ])("%s", async (_, options, expected) => {
    const before = await all(root);
    const { end } = await run({ fs_rw: [root] }, writes(), options);
    expect(end).toMatchObject(expected);
    expect(await all(root)).toEqual(before);
  });
  it("by an attempt that fails, whatever it has written", async () => {
    const before = await all(root);
    const { end, shown } = await run({ fs_rw: [root] }, async (spec, hooks, signal) => {
      await writes()(spec, hooks, signal);
      return {
        kind: "failed",
        failure: { code: "own", message: "", retryable: true },
        fuel: 1,
        peakMemoryBytes: 0,
        localHash: "0".repeat(64),
        state: {},
      };
    });
    expect(end.status).toBe("error");
    expect(shown).toEqual([]);
    expect(await all(root)).toEqual(before);
  });
  it("by an attempt whose outputs do not fit their ports", async () => {
    const before = await all(root);
    const { end, shown } = await run({ fs_rw: [root] }, async (spec, hooks, signal) => {
      const good = await writes()(spec, hooks, signal);
      return { ...good, outputs: [{ port: "nowhere", type: "text.v1", body: '"x"' }] } as typeof good;
    });
    expect(end).toMatchObject({ failure: { code: "host.type" } });
    expect(shown).toEqual([]);
    expect(await all(root)).toEqual(before);
  });
  it("by an attempt that is cancelled", async () => {
    const before = await all(root);
    const stop = new AbortController();
    const { end } = await run(
      { fs_rw: [root] },
      async (spec, hooks, signal) => {
        const ended = await writes()(spec, hooks, signal);
        stop.abort();
        return { ...ended, kind: "cancelled" } as typeof ended;
      },
      { signal: stop.signal },
    );
    expect(end.status).toBe("cancelled");
    expect(await all(root)).toEqual(before);
  });
});

describe("a base that changes meanwhile", () => {
  it("while the agent works: refused, and another attempt may help", async () => {
    const { end, shown } = await run({ fs_rw: [root] }, async (spec, hooks, signal) => {
      const ended = await writes()(spec, hooks, signal);
      await writeFile(join(root, "report.txt"), "theirs");
      return ended;
    });
    expect(end).toMatchObject({ failure: { code: "host.conflict", retryable: true } });
    expect(shown).toEqual([]);
    expect(await readFile(join(root, "report.txt"), "utf8")).toBe("theirs");
  });
  it("while a person thinks: what was approved is not what would be done", async () => {
    const desk = newDesk();
    const { end } = await run({ fs_rw: [root] }, writes(), {
      desk,
      onAsk: () => mkdir(join(root, "made")),
    });
    expect(end).toMatchObject({ status: "ok" }); // somebody else made the same directory: that is what was wanted
    await writeFile(join(root, "report.txt"), "old");
    const second = await run({ fs_rw: [root] }, writes("newer"), { onAsk: () => writeFile(join(root, "report.txt"), "theirs") });
    expect(second.end).toMatchObject({ failure: { code: "host.conflict" } });
    expect(await readFile(join(root, "report.txt"), "utf8")).toBe("theirs");
  });
  it("by another agent of rlp's: the first wins, the second is told", async () => {
    const guest = (text: string) =>
      fileGuest(async (files) => {
        const dir = (await files.preopens())[root]!;
        const before = await files.text(dir, "report.txt");
        await files.write(dir, "report.txt", before + text);
        return text;
      });
    const ends = await Promise.all([run({ fs_rw: [root] }, guest("a")), run({ fs_rw: [root] }, guest("b"))]);
    const codes = ends.map(({ end }) => ("failure" in end ? end.failure.code : end.status)).sort();
    expect(codes).toEqual(["host.conflict", "ok"]);
    expect(await readFile(join(root, "report.txt"), "utf8")).toMatch(/^old line\nsame\n[ab]$/);
  });
});

describe("cut off and taken up again", () => {
  it("before the first step, in the middle and before the outcome is written down: done once, and as it was decided", async () => {
    const journals = ["call.started", "action.finished"];
    let steps = 0;
    await run({ fs_rw: [root] }, writes(), { disk: stepping(() => steps++) });
    for (let at = 0; at <= steps; at++) {
      await gone(root);
      await fill(root, { "report.txt": "old line\nsame\n", "image.bin": Buffer.from([0, 1, 2]) });
      const desk = newDesk();
      // A process that is gone writes nothing any more: neither to the disk nor to the journal.
      const dead = new Promise<never>(() => {});
      const first = run({ fs_rw: [root] }, writes(), {
        desk,
        disk: stopping(at, dead, () => reached()),
        alone: (work) => work(), // the lock of a process that is gone is nobody's
      });
      let reached = (): void => {};
      await Promise.race([first, new Promise<void>((resolve) => void (reached = resolve))]);
      expect(desk.journal.kinds()).toContain(journals[0]);
      const cut = desk.journal.events.filter(
        ({ kind, meta }) =>
          kind !== "action.finished" && !("function" in meta && meta.function === "commit" && kind === "call.finished"),
      );
      const recorded = recordedIn({ events: cut } as never);
      const again = newDesk();
      for (const [digest, bytes] of desk.blobs) again.blobs.set(digest, bytes);
      const { end, shown } = await run({ fs_rw: [root] }, writes(), { desk: again, recorded });
      expect(end).toMatchObject({ status: "ok" });
      expect(shown).toEqual([]);
      expect(await all(root)).toEqual(AFTER);
      expect(kindsOf(again)).toEqual(["action.finished"]);
    }
  });

  it("what the journal proposed must be what the attempt wants now", async () => {
    const desk = newDesk();
    await run({ fs_rw: [root] }, writes(), { desk, decision: null });
    const forged = desk.journal.events.map((event) =>
      event.kind === "action.proposed"
        ? {
            ...event,
            meta: {
              ...event.meta,
              args: {
                value: JSON.parse(JSON.stringify((event.meta.args as { value: object }).value).replaceAll("made", "evil")),
              },
            },
          }
        : event,
    );
    const { end } = await run({ fs_rw: [root] }, writes(), { recorded: recordedIn({ events: forged } as never) });
    expect(end).toMatchObject({ failure: { code: "host.denied" } });
    expect(Object.keys(await all(root))).not.toContain("evil/");
  });
});

describe("a sandbox process that lies", () => {
  const claims =
    (change: object, stored = true) =>
    async (_: unknown, hooks: Parameters<ReturnType<typeof fileGuest>>[1]) => {
      const piece = await hooks.call({ seq: 0, interface: "fs", function: "store", args: ["QUFB"], fuel: 1 });
      const { ok } = piece as { ok: string };
      const after = { kind: "file", size: 3, pieces: [stored ? ok : "f".repeat(64)] };
      return {
        kind: "ok",
        outputs: [],
        changes: [{ dir: root, path: "new", before: null, after, ...change }],
        fuel: 5,
        peakMemoryBytes: 0,
        localHash: "0".repeat(64),
        state: {},
      } as never;
    };
  it.each<[string, object, string, boolean?]>([
    ["a directory that is not granted", { dir: "/etc" }, "host.denied"],
    ["a path that climbs", { path: "../out" }, "host.commit"],
    ["an absolute path", { path: "/out" }, "host.commit"],
    ["a path with a link in it", { path: "link/out" }, "host.conflict"],
    ["another size than its pieces have", { after: { kind: "file", size: 4, pieces: [] } }, "host.commit"],
    ["a piece that it has not stored", {}, "host.commit", false],
    [
      "a version that the file never had",
      { path: "report.txt", before: { kind: "file", version: "0".repeat(32) } },
      "host.conflict",
    ],
    ["a file that is there as a new one", { path: "report.txt" }, "host.conflict"],
  ])("%s", async (_, change, code, stored = true) => {
    const { symlink } = await import("node:fs/promises");
    await mkdir(join(outside, "away"));
    await symlink("../away", join(root, "link"));
    const before = await all(outside);
    const { end } = await run({ fs_rw: [root], fs_ro: ["/etc"] }, claims(change, stored));
    expect(end).toMatchObject({ status: "error", failure: { code } });
    expect(await all(outside)).toEqual(before);
  });
  it("commits nothing by itself, in the middle of an attempt", async () => {
    const before = await all(outside);
    const { end, journal, shown } = await run({ fs_rw: [root] }, async (_, hooks) => {
      const stored = await hooks.call({ seq: 0, interface: "fs", function: "store", args: ["QUFB"], fuel: 1 });
      const { ok } = stored as { ok: string };
      const change = { dir: root, path: "new", before: null, after: { kind: "file", size: 3, pieces: [ok] } };
      await hooks.call({ seq: 1, interface: "fs", function: "commit", args: [[change], [ok]], fuel: 1 });
      throw new Error("not reached");
    });
    expect(end).toMatchObject({ failure: { code: "host.component" } });
    expect(journal.kinds()).toEqual(["call.finished"]);
    expect(shown).toEqual([]);
    expect(await all(outside)).toEqual(before);
  });
  it("one piece that is named ten thousand times is not read ten thousand times", async () => {
    let reads = 0;
    const desk = newDesk();
    const get = desk.blobs.get.bind(desk.blobs);
    desk.blobs.get = (digest) => (reads++, get(digest));
    const guest = async (_: unknown, hooks: Parameters<ReturnType<typeof fileGuest>>[1]) => {
      const stored = await hooks.call({ seq: 0, interface: "fs", function: "store", args: ["QUFB"], fuel: 1 });
      const { ok } = stored as { ok: string };
      const after = { kind: "file", size: 3, pieces: Array.from({ length: 5000 }, () => ok) };
      return { kind: "ok", outputs: [], changes: [{ dir: root, path: "new", before: null, after }], ...costs } as never;
    };
    const { end } = await run({ fs_rw: [root] }, guest, { desk });
    expect(end).toMatchObject({ failure: { code: "host.commit" } });
    expect(reads).toBeLessThan(5);
  });
  it("what is granted for reading is not stored for, and nothing is read that is not granted", async () => {
    const { end, journal } = await run({ fs_ro: [root] }, async (_, hooks) => {
      await hooks.call({ seq: 0, interface: "fs", function: "store", args: ["QUFB"], fuel: 1 });
      await hooks.call({ seq: 1, interface: "fs", function: "stat", args: ["/etc", "passwd"], fuel: 1 });
      await hooks.call({ seq: 2, interface: "fs", function: "read", args: [root, "../x", "0".repeat(32), 0, 1], fuel: 1 });
      return { kind: "ok", outputs: [], fuel: 5, peakMemoryBytes: 0, localHash: "0".repeat(64), state: {} };
    });
    expect(end.status).toBe("ok");
    const denied = journal.events.filter((event): event is RunEventOf<"cap.denied"> => event.kind === "cap.denied");
    expect(denied.map(({ meta }) => [meta.cap, meta.op])).toEqual([
      ["fs_rw", "fs.store"],
      ["fs_ro", "fs.stat"],
    ]);
  });
});

describe("directories that nobody grants", () => {
  const guard = () => directoryGuard(() => ({ secret: [join(outside, "home")], trusted: [join(outside, "project/agents")] }));
  beforeEach(() =>
    fill(outside, {
      "home/home.key": "k",
      "home/agents/x/": "",
      "project/agents/a/policy.caps": "",
      "project/out/": "",
      "home two/": "",
    }),
  );
  it.each<[string, boolean, string | null]>([
    ["home", false, "lies in"],
    ["home/agents", true, "lies in"],
    ["", true, "holds"],
    ["project", true, "holds"],
    ["project/agents/a", true, "lies in"],
    ["nothing there", false, "no such directory"],
    ["home/home.key", false, "is no directory"],
    ["project", false, null],
    ["project/out", true, null],
    ["home two", true, null],
    ["", false, null],
  ])("%s for writing %s: %s", async (path, forWriting, message) => {
    const checked = guard().check(join(outside, path), forWriting);
    if (message === null) await expect(checked).resolves.toBeUndefined();
    else await expect(checked).rejects.toThrow(message);
  });
  it("nor by another name: a link to one of them", async () => {
    const { symlink } = await import("node:fs/promises");
    await symlink("home", join(outside, "innocent"));
    await expect(guard().check(join(outside, "innocent"), false)).rejects.toThrow("lies in");
    await symlink("project/out", join(outside, "alias"));
    await expect(guard().check(join(outside, "alias"), true)).rejects.toThrow("is a link: name");
    await expect(directoryGuard(() => ({ secret: [], trusted: [] })).check("/", true)).rejects.toThrow("whole machine");
  });
  it("an agent that is granted one all the same is denied", async () => {
    const { end, journal } = await run(
      { fs_ro: [join(outside, "home")] },
      fileGuest(async (files) => files.text((await files.preopens())[join(outside, "home")]!, "home.key")),
      { guard: guard() },
    );
    expect(end).toMatchObject({ outputs: [{ body: '"! access"' }] });
    expect(journal.kinds()).toContain("cap.denied");
  });
  it("one that is read goes around the home that lies in it", async () => {
    const { end } = await run(
      { fs_ro: [outside] },
      fileGuest(async (files) => files.text((await files.preopens())[outside]!, "home/home.key")),
      { guard: guard() },
    );
    expect(end).toMatchObject({ outputs: [{ body: '"! access"' }] });
  });
});

/** A disk that stops for ever in front of a step, as one does whose process has been killed. */
function stopping(at: number, dead: Promise<never>, reached: () => void): typeof realDisk {
  let step = 0;
  const wrap = (what: keyof typeof realDisk) =>
    (async (...args: never[]) => {
      if (what !== "names" && step++ >= at) {
        reached();
        await dead;
      }
      return (realDisk[what] as (...args: never[]) => unknown).apply(realDisk, args);
    }) as never;
  return {
    write: wrap("write"),
    rename: wrap("rename"),
    unlink: wrap("unlink"),
    rmdir: wrap("rmdir"),
    mkdir: wrap("mkdir"),
    sync: wrap("sync"),
    names: wrap("names"),
  };
}

describe("nothing stays open", () => {
  it("of a file that may be looked at and not read", async () => {
    const entries: Entry[] = [];
    class Unreadable extends GrantedDirectory {
      override open: GrantedDirectory["open"] = (work) =>
        super.open(async (root) => {
          const look = root.look.bind(root);
          root.look = async (name) => {
            const entry = await look(name);
            entries.push(entry);
            return entry;
          };
          root.read = async () => {
            throw new FileError("access", "EACCES");
          };
          return work(root);
        });
    }
    const directory = new Unreadable({ path: root, closed: new Set(), key: KEY, times: false });
    const [step] = await directory.stat("report.txt");
    const version = (step as { version: string }).version;
    const wanted = [{ dir: root, path: "report.txt", before: { kind: "file", version }, after: null }] as const;
    const context = { traceId: "t", node: "n", attempt: 1, seq: 0, recorded: { proposals: [] } };
    const prepared = prepareCommit({} as never, context as never, wanted, async () => directory);
    await expect(prepared).rejects.toThrow(/EACCES/);
    expect(entries.map(({ handle }) => handle?.fd ?? -1)).toEqual(entries.map(() => -1));
    expect(entries).toHaveLength(2);
  });
  it("of an attempt that has ended: what was known of its directories is forgotten", async () => {
    let looks = 0;
    const guard = { check: async () => void looks++, closed: async () => new Set<never>() };
    const functions = fsFunctions({
      guard,
      key: KEY,
      disk: realDisk,
      blob: () => new Uint8Array(),
      alone: (work) => work(),
      desk: {} as never,
    });
    const lists = async (_: unknown, hooks: Parameters<ReturnType<typeof fileGuest>>[1]) => {
      for (const seq of [0, 1]) await hooks.call({ seq, interface: "fs", function: "list", args: [root, "", ""], fuel: 1 });
      return { kind: "ok", outputs: [], ...costs } as const;
    };
    for (let run = 0; run < 2; run++) await attempt({ guests: [lists], functions, agent: agent({ fs_ro: [root] }) });
    expect(looks).toBe(2);
  });
});
