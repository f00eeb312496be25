/** Which guests share a process, and how long a stranger's process lives. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { AdmissionCache } from "#host/component/cache.js";
import type { Admitted, GuestEnd } from "#host/component/contract.js";
import { BUNDLED, Domains, type DomainOptions } from "#host/sandbox/domains.js";
import { COMPLETE, imports, ok, textAt } from "../component/guest.js";
import { admitted, completion, run, type Answer } from "./run.js";

let guest: Admitted;
let other: Admitted;
beforeAll(async () => {
  guest = await admitted({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
  other = await admitted({ imports: [imports.complete], run: `(nop) ${COMPLETE} ${ok(...textAt(512))}` });
});

let domains: Domains;
afterEach(() => domains.close());
const open = (options: DomainOptions = {}): Domains => (domains = new Domains(options));

/** Runs a guest of a domain; the process that it was in while it asked its question. */
async function pidOf(domain: string, answer: Answer = completion): Promise<number | undefined> {
  let pid: number | undefined;
  const { end } = await run(domains, guest, { domain }, (call) => {
    pid = domains.pidOf(domain);
    return answer(call);
  });
  expect(end.kind).toBe("ok");
  return pid;
}

/** A guest that waits for its answer until `go` is called. */
function waiting(
  domain: string,
  signal?: AbortSignal,
): { readonly asked: Promise<void>; readonly end: Promise<GuestEnd>; go(): void } {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const answer: Answer = async (call) => {
    asked.resolve();
    await gate.promise;
    return completion(call);
  };
  const end = run(domains, guest, { domain }, answer, signal).then((ran) => ran.end);
  return { asked: asked.promise, end, go: () => gate.resolve() };
}

test("a domain has one process, and no process has two domains", async () => {
  open();
  const [bundled, again, a, b] = [await pidOf(BUNDLED), await pidOf(BUNDLED), await pidOf("a"), await pidOf("b")];
  expect(again).toBe(bundled);
  expect(new Set([bundled, a, b]).size).toBe(3);
  expect(await pidOf("a")).toBe(a);
});

test("a guest of whom no domain is known shares a process with its own component only", async () => {
  open();
  expect((await run(domains, guest)).end.kind).toBe("ok");
  expect((await run(domains, guest)).end.kind).toBe("ok");
  expect(domains.size).toBe(1);
  expect((await run(domains, other)).end.kind).toBe("ok");
  expect(domains.size).toBe(2);
  expect(domains.pidOf(guest.digest)).not.toBe(domains.pidOf(other.digest));
});

test("a process that is killed takes nothing of another domain with it", async () => {
  open();
  const [mine, theirs] = [waiting("mine"), waiting("theirs")];
  await Promise.all([mine.asked, theirs.asked]);
  process.kill(domains.pidOf("theirs") ?? 0, "SIGKILL");
  expect((await theirs.end).kind).toBe("lost");
  mine.go();
  theirs.go();
  expect((await mine.end).kind).toBe("ok");
});

test("an idle stranger's process is closed; the bundled agents' stays", async () => {
  open({ idleMs: 10 });
  await Promise.all([pidOf(BUNDLED), pidOf("a")]);
  await expect.poll(() => domains.size, { timeout: 60_000 }).toBe(1);
  expect(domains.pidOf(BUNDLED)).toBeDefined();
  expect(await pidOf("a")).toBeDefined();
});

test("beyond the number of processes the one idle longest makes room, and else one waits", async () => {
  open({ maxProcesses: 2 });
  await pidOf("old");
  const [first, second] = [waiting("first"), waiting("second")];
  await Promise.all([first.asked, second.asked]);
  expect(domains.pidOf("old")).toBeUndefined();
  const third = waiting("third");
  await pidOf(BUNDLED); // has its place whatever strangers do
  expect(domains.pidOf("third")).toBeUndefined();
  first.go();
  await third.asked;
  expect(domains.pidOf("first")).toBeUndefined();
  second.go();
  third.go();
  expect((await Promise.all([first.end, second.end, third.end])).map(({ kind }) => kind)).toEqual(["ok", "ok", "ok"]);
});

test("who waits for a place can be cancelled, and closing lets nobody wait", async () => {
  open({ maxProcesses: 1 });
  const first = waiting("first");
  await first.asked;
  const stop = new AbortController();
  const cancelled = waiting("cancelled", stop.signal);
  const left = waiting("left");
  stop.abort(new Error("cancelled"));
  expect((await cancelled.end).kind).toBe("lost");
  await domains.close();
  expect((await first.end).kind).toBe("lost");
  expect(await left.end).toMatchObject({ kind: "lost", reason: "the sandbox is closed" });
});

/** Runs `component`; while it waits for an answer, the process that it is in is killed. */
function killed(component: Admitted, domain: string, process_ = domain): Promise<GuestEnd> {
  return run(domains, component, { domain }, () => {
    process.kill(domains.pidOf(process_) ?? 0, "SIGKILL");
    return new Promise(() => {});
  }).then((ran) => ran.end);
}
const reasonOf = (end: GuestEnd): string => (end.kind === "lost" ? end.reason : end.kind);

test("of two components in a process that died, nobody is believed: each is run apart, and the innocent one ends", async () => {
  open();
  const innocent = waiting("shared");
  await innocent.asked;
  expect(reasonOf(await killed(other, "shared"))).toContain("SIGKILL");
  expect(reasonOf(await innocent.end)).toContain("SIGKILL");
  const again = waiting("shared");
  await again.asked;
  expect(domains.pidOf("shared")).toBeDefined(); // what there was, now without a guest
  const [mine, theirs] = [guest, other].map(({ digest }) => `shared ${digest}`) as [string, string];
  expect(domains.pidOf(mine)).toBeDefined();
  expect(reasonOf(await killed(other, "shared", theirs))).toContain("SIGKILL");
  again.go();
  expect((await again.end).kind).toBe("ok");
  // Once in company and once alone: that can still have come from outside.
  expect((await run(domains, other, { domain: "shared" })).end.kind).toBe("ok");
});

test("a component whose own process died twice is in quarantine, and nobody else", async () => {
  open();
  expect(reasonOf(await killed(guest, "own"))).toContain("SIGKILL");
  expect(reasonOf(await killed(guest, "own"))).toContain("SIGKILL");
  expect(reasonOf((await run(domains, guest, { domain: "own" })).end)).toContain("quarantine");
  expect(reasonOf((await run(domains, guest, { domain: "elsewhere" })).end)).toContain("quarantine");
  expect((await run(domains, other, { domain: "own" })).end.kind).toBe("ok");
});

test("an end between two deaths clears it, and closing is no death", async () => {
  open();
  expect(reasonOf(await killed(guest, "own"))).toContain("SIGKILL");
  expect((await run(domains, guest, { domain: "own" })).end.kind).toBe("ok");
  expect(reasonOf(await killed(guest, "own"))).toContain("SIGKILL");
  expect((await run(domains, guest, { domain: "own" })).end.kind).toBe("ok");
});

/** More bytes than the strict limits of metering allow, and work that a compiler could make faster. */
const LARGE = {
  imports: [imports.complete],
  pages: 24,
  fields: `(data (i32.const 131072) "${"x".repeat((1 << 20) + 1)}")`,
  run: `(local $i i32) (local $sum f64)
    (loop $again
      (local.set $sum (f64.add (local.get $sum) (f64.sqrt (f64.convert_i32_u (i32.load8_u (i32.add (i32.const 131072) (local.get $i)))))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300000))))
    (f64.store (i32.const 700) (local.get $sum))
    (i32.store8 (i32.const 600) (i32.add (i32.const 97) (i32.rem_u (i32.load (i32.const 704)) (i32.const 26))))
    ${COMPLETE} ${ok("(i32.const 600)", "(i32.const 1)")}`,
};

test("what is beyond the strict limits runs without the optimising compiler where nobody vouches for it, and does the same", async () => {
  const large = await admitted(LARGE);
  expect([guest.large, large.large]).toEqual([false, true]);
  open();
  const flags = new Map<string, boolean>();
  const how = async (component: Admitted, vouched: boolean) => {
    const { end } = await run(domains, component, { domain: "d", vouched }, (call) => {
      for (const name of ["d", "d baseline"]) {
        const pid = domains.pidOf(name);
        if (pid !== undefined && process.platform === "linux")
          flags.set(name, readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("--liftoff-only"));
      }
      return completion(call);
    });
    if (end.kind !== "ok") throw new Error(JSON.stringify(end));
    return { outputs: end.outputs, fuel: end.fuel, localHash: end.localHash };
  };
  const baseline = await how(large, false);
  expect(domains.pidOf("d")).toBeUndefined();
  expect(await how(large, true)).toEqual(baseline);
  await how(guest, false);
  expect(domains.size).toBe(2);
  if (process.platform === "linux") expect(Object.fromEntries(flags)).toEqual({ d: false, "d baseline": true });
});

test("a large component's plan and modules come out of the cache as large as they went in", async () => {
  const large = await admitted(LARGE);
  const dir = await mkdtemp(join(tmpdir(), "rlp-large-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const cache = new AdmissionCache(dir, new Uint8Array(32));
  const name = blake3("name");
  await cache.store(name, large);
  expect((await cache.load(name, large.digest))?.large).toBe(true);
});
