/** What code that has taken over a sandbox process can do, on each rung, and how the ladder is climbed. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { translate } from "#host/component/toolchain/run.js";
import { climb } from "#host/sandbox/isolation/ladder.js";
import { writeFilter } from "#host/sandbox/isolation/ladder.js";
import type { Isolation } from "#host/sandbox/isolation/rung.js";
import { startSandbox } from "#host/sandbox/process.js";
import { spawnConfined } from "#host/sandbox/spawn.js";
import { COMPLETE, component, imports, ok, textAt } from "../component/guest.js";
import { admitted, run } from "./run.js";
import { forget, only, rungs } from "./rungs.js";

let dir: string;
let code: string;
let listener: Server;
let connections = 0;
let victim: ChildProcess;
beforeAll(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "rlp-cage-")));
  code = mkdtempSync(join(dir, "code-"));
  writeFileSync(join(dir, "secret.txt"), "secret");
  mkdirSync(join(dir, "home"));
  listener = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  victim = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
});
afterAll(() => {
  listener.close();
  victim.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
  forget();
});

/** Does everything that it must not, and says on file descriptor 3 what it managed. */
const HOSTILE = (): string => `
  import fs from "node:fs";
  import net from "node:net";
  import { spawnSync } from "node:child_process";
  const port = ${(listener.address() as AddressInfo).port};
  const tried = {
    "read /etc/passwd": () => fs.readFileSync("/etc/passwd"),
    "read a folder beside its code": () => fs.readdirSync(${JSON.stringify(join(dir, "home"))}),
    "read a file beside its code": () => fs.readFileSync(${JSON.stringify(join(dir, "secret.txt"))}),
    "read /proc": () => fs.readdirSync("/proc").length > 0 || fail(),
    "write beside its code": () => fs.writeFileSync(${JSON.stringify(join(dir, "written"))}, "x"),
    "change its code": () => fs.writeFileSync(import.meta.filename, "x"),
    "write into the root": () => fs.writeFileSync("/written", "x"),
    "write into /tmp": () => { fs.mkdirSync("/tmp", { recursive: true }); fs.writeFileSync("/tmp/rlp-written", "x"); },
    "run a shell": () => { const { error } = spawnSync("/bin/sh", ["-c", ":"]); if (error) throw error; },
    "run its own Node": () => { const { error } = spawnSync(process.execPath, ["-v"]); if (error) throw error; },
    "connect": () => new Promise((resolve, reject) => net.connect(port, "127.0.0.1").on("connect", resolve).on("error", reject)),
    "listen": () => new Promise((resolve, reject) => { const server = net.createServer(); server.on("error", reject).listen(0, "127.0.0.1", () => server.close(resolve)); }),
    "signal another process": () => process.kill(${victim.pid}, 0),
    "signal who started it": () => process.kill(${process.pid}, 0),
    "become somebody else": () => { process.setuid(1); process.setuid(0); },
  };
  const fail = () => { throw new Error("nothing"); };
  // Some denials come as exceptions that nobody can catch.
  process.on("uncaughtException", () => {});
  const never = () => new Promise((_, reject) => setTimeout(reject, 1000));
  const managed = [];
  for (const [name, attempt] of Object.entries(tried)) { try { await Promise.race([attempt(), never()]); managed.push(name); } catch {} }
  const answer = new net.Socket({ fd: 3 });
  answer.end(JSON.stringify({ managed, env: Object.keys(process.env) }), () => process.exit(0));
`;

/** By who asks, of a C library that knows how to. */
const GIVES_LARGE_PAGES = ((): boolean => {
  const { glibcVersionRuntime = "0.0" } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
  const [major = 0, minor = 0] = glibcVersionRuntime.split(".").map(Number);
  const mode = "/sys/kernel/mm/transparent_hugepage/enabled";
  return (major > 2 || minor >= 35) && existsSync(mode) && readFileSync(mode, "utf8").includes("[madvise]");
})();

/** A process and all that came of it, the innermost last. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => descendants(Number(child))))];
}

let scripts = 0;
function script(text: string): string {
  const file = join(code, `script${scripts++}.mjs`);
  writeFileSync(file, text);
  return file;
}

/** Everything that a child says on file descriptor 3, and how it ended. */
function said(child: ChildProcess): Promise<string> {
  let text = "";
  let errors = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout?.resume();
  return new Promise((resolve) => child.once("close", (status, signal) => resolve(text || `${signal ?? status} ${errors}`)));
}

/** In the cage of the system alone: without Node's permission model and without the seal. */
function bare(isolation: Isolation, file: string, memoryBytes = 4 * 2 ** 30, flags: readonly string[] = []): Promise<string> {
  const command = isolation.wrap({ node: process.execPath, args: [...flags, file], readable: [file], memoryBytes });
  const child = spawn(command.file, command.args, {
    env: {},
    stdio: ["ignore", "pipe", "pipe", "pipe", command.filter ? "pipe" : "ignore"],
  });
  writeFilter(child, command.filter);
  return said(child);
}

/** As sandbox processes are started. */
function confined(isolation: Isolation, file: string): Promise<string> {
  return said(spawnConfined({ isolation, entry: file, readable: [file], memoryBytes: 4 * 2 ** 30 }).child);
}

for (const { rung, isolation } of rungs)
  describe.skipIf(isolation === null)(`on the rung ${rung} (${isolation?.name ?? "not on this machine"})`, () => {
    const cage = isolation as Isolation;

    // The permission model alone is not the system's: there is nothing to try.
    const withCage = rung === "permission" ? () => {} : test;
    withCage("the system alone keeps in what has shed the permission model", async () => {
      const before = connections;
      const { managed } = JSON.parse(await bare(cage, script(HOSTILE()))) as { managed: string[] };
      // Without the filter there are sockets, on a network that holds nobody else, and Node, which lies in the root, can be run again.
      expect(managed).toEqual(cage.name.includes("seccomp") ? [] : ["run its own Node", "listen"]);
      expect(connections).toBe(before);
      expect(victim.exitCode).toBeNull();
    });

    test("the permission model on top leaves nothing that the cage leaves open", async () => {
      const { managed, env } = JSON.parse(await confined(cage, script(HOSTILE()))) as { managed: string[]; env: string[] };
      const network = Number(process.versions.node.split(".")[0]) >= 26 ? [] : ["connect", "listen"];
      const signals = ["signal another process", "signal who started it"];
      const open = { bubblewrap: [], namespaces: network.slice(1), permission: [...network, ...signals] }[rung];
      expect(managed).toEqual(open);
      expect(env.filter((name) => name !== "PWD")).toEqual(["GLIBC_TUNABLES"]);
      expect(readdirSync(dir).sort()).toEqual([code.slice(dir.length + 1), "home", "secret.txt"]);
    });

    test.skipIf(!GIVES_LARGE_PAGES)("the memory of the C library comes in large pages", async () => {
      const { child, end } = spawnConfined({
        isolation: cage,
        entry: script(`import net from "node:net"; new net.Socket({ fd: 3 }).write("here");`),
        readable: [code],
        memoryBytes: 4 * 2 ** 30,
      });
      try {
        await new Promise((resolve) => child.stdio[3]?.once("data", resolve));
        const innermost = descendants(child.pid!).at(-1)!;
        const heap = readFileSync(`/proc/${innermost}/smaps`, "utf8").split("[heap]")[1]!;
        expect(/^VmFlags:(.*)$/m.exec(heap)?.[1]?.trim().split(" ")).toContain("hg");
      } finally {
        end();
      }
    });

    test.skipIf(!isolation?.name.includes("limits"))("memory outside of the heap is bounded by the kernel", async () => {
      const bomb = `
        import net from "node:net";
        const kept = []; let mib = 0;
        try { for (; mib < 4096; mib += 16) kept.push(Buffer.alloc(16 << 20, 1)); } catch {}
        new net.Socket({ fd: 3 }).end(String(mib));`;
      const mib = Number.parseInt(await bare(cage, script(bomb), 1 << 30), 10);
      expect(mib).toBeGreaterThan(0);
      expect(mib).toBeLessThan(1024);
    });

    test("a heap that grows without end ends the process, and nothing else", async () => {
      const bomb = "const kept = []; for (;;) kept.push(new Array(1e5).fill(0).map((_, i) => ({ i })));";
      expect(await bare(cage, script(bomb), 4 * 2 ** 30, ["--max-old-space-size=64"])).toMatch(/heap|memory/i);
    });

    test("components are translated and guests run, as everywhere", async () => {
      const bytes = await component({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
      expect(await translate(bytes, 1024, { isolation: cage })).toMatchObject({
        imports: expect.arrayContaining([expect.any(String)]),
      });
      const sandbox = startSandbox({ isolation: cage });
      const guest = await admitted({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
      expect((await run(sandbox, guest)).end.kind).toBe("ok");
      await sandbox.close();
    });

    test("a killed process takes everything in its cage with it", async () => {
      const sandbox = startSandbox({ isolation: cage });
      const guest = await admitted({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
      const { end } = await run(sandbox, guest, {}, async () => {
        await sandbox.close(); // resolves when nobody holds the other end of its pipes any more
        return { ok: null };
      });
      expect(end).toMatchObject({ kind: "lost", reason: "the sandbox was closed" });
    });
  });

describe("the ladder", () => {
  const empty = only([]);
  afterAll(() => rmSync(empty, { recursive: true, force: true }));

  test("without any program of the system the permission model is left, and it says what is missing", async () => {
    const found = await climb("strongest", { folders: [empty] });
    expect(found).toMatchObject({ rung: "permission", name: "permission" });
    expect(found.missing.map(({ rung }) => rung)).toEqual(["bubblewrap", "namespaces"]);
    expect(found.missing[0]?.mend).toContain("apt-get install bubblewrap");
  });

  test.each(["bubblewrap", "namespaces"] as const)(
    "a demanded %s that cannot be had is an error with the way out",
    async (floor) => {
      await expect(climb(floor, { folders: [empty] })).rejects.toMatchObject({
        code: "ISOLATION_UNAVAILABLE",
        message: expect.stringContaining(`runtime.isolation: ${floor}`),
        hint: expect.stringContaining("install bubblewrap"),
      });
    },
  );

  test("a bwrap that does not work is none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rlp-broken-"));
    try {
      writeFileSync(join(folder, "bwrap"), "#!/bin/sh\necho 'no namespaces for you' >&2\nexit 1\n", { mode: 0o755 });
      const found = await climb("strongest", { folders: [folder] });
      expect(found).toMatchObject({ rung: "permission" });
      if (process.platform === "linux") expect(found.missing[0]).toMatchObject({ why: "no namespaces for you" });
      await expect(climb("bubblewrap", { folders: [folder] })).rejects.toMatchObject({ code: "ISOLATION_UNAVAILABLE" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("no other system than Linux pretends to have more than the permission model", async () => {
    expect(await climb("strongest", { platform: "darwin" })).toMatchObject({ rung: "permission", name: "permission" });
    await expect(climb("namespaces", { platform: "win32" })).rejects.toMatchObject({ code: "ISOLATION_UNAVAILABLE" });
  });

  test("reduced is the permission model, whatever there is", async () => {
    expect((await climb("reduced")).rung).toBe("permission");
  });
});
