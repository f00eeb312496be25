/** The fuzz run of the component parser: changed components are refused or admitted, and what is admitted ends like any guest. */
import { admit } from "#host/component/admit.js";
import { AdmissionError } from "#host/component/error.js";
import type { GuestHooks, GuestSpec } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { Answering } from "../answering.js";
import { shrink } from "../shrink.js";
import type { Answer, Question } from "./reader.js";

export interface Limits {
  readonly seed: number;
  readonly programs: number;
  /** Milliseconds since 1970 at which no further one is begun. */
  readonly until: number;
}
export interface Tally {
  programs: number;
  admitted: number;
  started: number;
  readonly refused: Map<string, number>;
  slowestMs: number;
  findings: number;
}

const MEMORY_MIB = 2;
const HEAP_MIB = 96;
/** Of processor time for one component of some ten KiB: far above what is seen, far below what hurts. */
const SLOW_MS = 2_000;
/** Each admitted one that is started costs a toolchain process: every so many-th is. */
const STARTED_EVERY = 10;
const SHRINKING = 2_000;

/** `corpus`: files of components that are admitted as they are. Ends at the first `most` findings. */
export async function fuzzComponents(
  corpus: readonly string[],
  { seed, programs, until }: Limits,
  say: (line: string) => void,
  most = 5,
): Promise<Tally> {
  const reader = new Answering<Question, Answer>("component/reader.js", [`--max-old-space-size=${HEAP_MIB}`]);
  const sandbox = startSandbox({});
  const tally: Tally = { programs: 0, admitted: 0, started: 0, refused: new Map(), slowestMs: 0, findings: 0 };
  const question = { corpus, memoryPages: MEMORY_MIB * 16 };
  const judge = async (asked: Question): Promise<{ answer: Answer | null; wrong: string | null; message: string }> => {
    const answer = await reader.ask(asked);
    if ("ended" in answer) return { answer: null, wrong: answer.ended, message: answer.ended };
    if ("wrong" in answer.end) return { answer, wrong: answer.end.wrong, message: answer.end.message };
    if (answer.cpuMs > SLOW_MS) return { answer, wrong: "slow", message: `it took ${answer.cpuMs} ms` };
    return { answer, wrong: null, message: "" };
  };
  try {
    while (tally.programs < programs && Date.now() < until && tally.findings < most) {
      const current = seed + tally.programs++;
      const { answer, wrong, message } = await judge({ ...question, seed: current });
      if (wrong !== null) {
        tally.findings++;
        say(`seed ${current}: ${message}`);
        const tape = answer
          ? await shrink(
              answer.tape,
              async (candidate) => (await judge({ ...question, tape: candidate })).wrong === wrong,
              SHRINKING,
            )
          : [];
        say(
          `repeat with: npm run fuzz -- component --seed ${current} --programs 1${tape.length > 0 ? `; smallest tape: ${tape.join()}` : ""}`,
        );
        continue;
      }
      const { end, cpuMs } = answer as Answer;
      tally.slowestMs = Math.max(tally.slowestMs, cpuMs);
      if ("refused" in end) tally.refused.set(end.refused, (tally.refused.get(end.refused) ?? 0) + 1);
      else if ("admitted" in end && tally.admitted++ % STARTED_EVERY === 0) {
        tally.started++;
        const ended = await start(sandbox, Buffer.from(end.admitted, "base64"));
        if (ended !== null) {
          tally.findings++;
          say(`seed ${current}: ${ended}`);
        }
      }
      if (tally.programs % 5_000 === 0) say(`${describe(tally)}, next seed ${current + 1}`);
    }
  } finally {
    reader.close();
    await sandbox.close();
  }
  return tally;
}

/** Runs it as a stranger's agent. Null if it ended as a guest may. */
async function start(sandbox: ReturnType<typeof startSandbox>, bytes: Uint8Array): Promise<string | null> {
  try {
    const component = await admit(bytes, { memoryMib: MEMORY_MIB });
    const spec: GuestSpec = {
      component,
      node: "fuzz",
      attempt: 1,
      with: "{}",
      inputs: [],
      seed: "5a".repeat(32),
      epochMs: 0,
      state: {},
      limits: { fuel: 20_000_000, memoryMib: MEMORY_MIB, calls: 20 },
      linked: component.imports.map((name) => /^runloop:agent\/([a-z0-9-]+)@/.exec(name)?.[1] ?? name),
    };
    const hooks: GuestHooks = { call: async () => ({ err: { code: "denied", message: "nothing is granted" } }), log: () => {} };
    const end = await sandbox.run(spec, hooks, new AbortController().signal);
    return end.kind === "lost" ? `what was admitted took its process with it: ${end.reason}` : null;
  } catch (error) {
    if (error instanceof AdmissionError && error.code !== "ADMIT_TOOLCHAIN")
      return `it was admitted, and then not: ${error.message}`;
    return `admission failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function describe({ programs, admitted, started, refused, slowestMs, findings }: Tally): string {
  const codes = [...refused].sort().map(([code, count]) => `${code} ${count}`);
  return `${programs} components (${admitted} admitted, ${started} of them started; refused: ${codes.join(", ")}; the slowest took ${Math.round(slowestMs)} ms), ${findings} findings`;
}
