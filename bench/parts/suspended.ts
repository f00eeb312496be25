import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Json } from "#core/json.js";
import type { CallAnswer, GuestCall, GuestEnd, GuestSpec } from "#host/component/contract.js";
import { startSandbox, type StartedSandbox } from "#host/sandbox/process.js";
import { reply, saysAtEnd } from "../crowd.js";
import { admitted, guestSpec } from "../guests.js";
import { pause, timed } from "../measure.js";
import type { Measure } from "../table.js";

const AGENTS = 10_000;
/** Each process may hold 8,000. */
const PROCESSES = 2;

const answer = (prompt: Json | undefined): CallAnswer => ({
  ok: { text: reply(prompt), model: "bench", input_tokens: 0, output_tokens: 0 },
});

/** All agents wait in a host call at the same time; then each gets its own answer, and what it says of it is compared. */
export const measure: Measure<"suspended"> = async () => {
  const guest = await admitted("waits");
  const sandboxes = Array.from({ length: PROCESSES }, () => startSandbox());
  const stop = new AbortController();
  try {
    const spec = (name: string): GuestSpec => guestSpec(guest, { name }, ["model"]);
    const atOnce = { call: ({ args }: GuestCall) => Promise.resolve(answer(args[0])), log: () => {} };
    for (const sandbox of sandboxes) await sandbox.run(spec("first"), atOnce, stop.signal);
    const idle = residentMib(sandboxes);
    const answers = Promise.withResolvers<void>();
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    const hooks = {
      call: async ({ seq, args }: GuestCall) => {
        if (seq === 1) {
          if (++waiting === AGENTS) all.resolve();
          await answers.promise;
        }
        return answer(args[0]);
      },
      log: () => {},
    };
    let ends: Promise<GuestEnd>[] = [];
    const ms = await timed(async () => {
      ends = Array.from({ length: AGENTS }, (_, index) =>
        sandboxes[index % PROCESSES]!.run(spec(`agent ${index}`), hooks, stop.signal),
      );
      await all.promise;
    });
    await pause(500);
    const memory = residentMib(sandboxes);
    // Each has a page of 64 KiB that it has written to.
    if (((memory - idle) * 1024) / AGENTS < 16) throw new Error(`${memory} MiB cannot hold them: other processes were measured`);
    const finishing = await timed(async () => {
      answers.resolve();
      await Promise.all(ends);
    });
    const settled = await Promise.all(ends);
    const wrong = settled.filter(
      (end, index) => end.kind !== "ok" || end.outputs[0]?.body !== JSON.stringify(saysAtEnd(`agent ${index}`)),
    );
    if (wrong.length > 0) throw new Error(`${wrong.length} agents ended wrong: ${JSON.stringify(wrong[0])}`);
    return {
      values: { memory },
      beside: [
        `${PROCESSES} processes of ${AGENTS / PROCESSES}, resident memory (RSS); without guests ${idle.toFixed(0)} MiB; ${(((memory - idle) * 1024) / AGENTS).toFixed(0)} KiB an agent; all waiting after ${(ms / 1000).toFixed(1)} s; ${(finishing / 1000).toFixed(1)} s later each had said what it was answered`,
      ],
    };
  } finally {
    for (const sandbox of sandboxes) await sandbox.close();
  }
};

function residentMib(sandboxes: readonly StartedSandbox[]): number {
  return sandboxes.reduce((sum, { pid }) => sum + residentKib(pid!), 0) / 1024;
}

/** Of a process and all that it has started: where the operating system shuts it in, the guests are in a child of that pid. */
function residentKib(root: number): number {
  const all = process.platform === "linux" ? fromProc() : fromPs();
  const tree = (pid: number): number =>
    all
      .filter(({ parent }) => parent === pid)
      .reduce((sum, child) => sum + tree(child.pid), all.find((one) => one.pid === pid)?.kib ?? 0);
  return tree(root);
}

interface Resident {
  readonly pid: number;
  readonly parent: number;
  readonly kib: number;
}

function fromProc(): readonly Resident[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
        return [{ pid: Number(pid), parent: field("PPid"), kib: field("VmRSS") }];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

function fromPs(): readonly Resident[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid = 0, parent = 0, kib = 0] = line.trim().split(/\s+/).map(Number);
    return { pid, parent, kib };
  });
}
