/** Runs one program without a shell, with an end: time, bytes, and whatever it started besides. */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface ProgramRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Of each of the two outputs. What is beyond is read and thrown away. */
  readonly outputBytes: number;
  readonly signal: AbortSignal;
}

export interface ProgramEnd {
  /** Null where it was ended by a signal. */
  readonly code: number | null;
  readonly killedBy: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Bytes that were thrown away. */
  readonly dropped: number;
  readonly timedOut: boolean;
}

/** What the program has started may keep its outputs open after it has ended; nobody waits for that longer, in milliseconds. */
const STRAGGLE_MS = 250;

/** Rejects where it cannot be started. When it resolves nothing of its process group runs any more. */
export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    // A process group of its own: what it starts ends with it.
    const child = spawn(run.file, [...run.args], {
      cwd: run.cwd,
      env: { ...run.env },
      stdio: ["ignore", "pipe", "pipe"],
      shell: false,
      detached: true,
      windowsHide: true,
    });
    // Where no file descriptors were left there is nothing to read from; the error comes all the same.
    if ((child.stdio as unknown) === undefined) return void child.once("error", reject);
    let timedOut = false;
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, run.timeoutMs);
    const outputs = [gather(child.stdout, run.outputBytes), gather(child.stderr, run.outputBytes)] as const;
    const done = (): void => {
      clearTimeout(timer);
      run.signal.removeEventListener("abort", kill);
    };
    if (run.signal.aborted) kill();
    else run.signal.addEventListener("abort", kill, { once: true });
    child.once("error", (error) => {
      done();
      reject(error);
    });
    child.once("exit", (code, killedBy) => {
      kill();
      const straggle = setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), STRAGGLE_MS);
      child.once("close", () => {
        clearTimeout(straggle);
        done();
        const [stdout, stderr] = outputs;
        resolve({
          code,
          killedBy,
          stdout: stdout.bytes(),
          stderr: stderr.bytes(),
          dropped: stdout.dropped + stderr.dropped,
          timedOut,
        });
      });
    });
  });
}

function gather(stream: Readable, most: number) {
  const chunks: Buffer[] = [];
  const gathered = { kept: 0, dropped: 0, bytes: (): Buffer => Buffer.concat(chunks) };
  stream.on("error", () => {}); // destroyed by us
  stream.on("data", (chunk: Buffer) => {
    const take = chunk.subarray(0, most - gathered.kept);
    if (take.length > 0) chunks.push(take);
    gathered.kept += take.length;
    gathered.dropped += chunk.length - take.length;
  });
  return gathered;
}
