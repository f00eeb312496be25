/** The tiers side by side. One question at a time: the fuzz run is to leave the machine's other cores alone. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ENGINE_OPTIONS } from "#host/component/meter/protocol.js";
import type { Answer, Question } from "./tier.js";

/** What each process compiles with. `climbing` changes tiers in the midst of a run, and inlines as the sandbox processes do. */
export const TIERS: Readonly<Record<string, readonly string[]>> = {
  baseline: ["--liftoff-only"],
  optimised: ["--no-liftoff", "--no-wasm-lazy-compilation"],
  climbing: ["--wasm-tiering-budget=200", ...ENGINE_OPTIONS],
};
/** Tests run the sources, child processes what was built of them. */
const PROGRAM = fileURLToPath(new URL("tier.js", import.meta.url.replace("/test/fuzz/", "/dist/fuzz/")));
/** A process gathers code and memories: a new one after so many programs. */
const RENEWED_AFTER = 400;
/** No program takes as long; one that does is a finding. */
const HUNG_MS = 120_000;

export class Tier {
  readonly name: string;
  #child: ChildProcess | null = null;
  #lines: AsyncIterator<string> | null = null;
  #asked = 0;

  constructor(name: string) {
    this.name = name;
  }

  async ask(question: Question): Promise<Answer> {
    if (this.#asked++ >= RENEWED_AFTER) this.close();
    const child = this.#child ?? this.#start();
    child.stdin?.write(`${JSON.stringify(question)}\n`);
    const timer = setTimeout(() => child.kill("SIGKILL"), HUNG_MS);
    const line = await (this.#lines as AsyncIterator<string>).next();
    clearTimeout(timer);
    if (!line.done) return JSON.parse(line.value) as Answer;
    this.close();
    const how = `the process ended: ${child.signalCode ?? child.exitCode}`;
    return { ok: false, rule: how, message: how, tape: question.tape ?? [] };
  }

  close(): void {
    this.#child?.stdin?.end();
    this.#child = null;
    this.#asked = 0;
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [...(TIERS[this.name] ?? []), PROGRAM], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    this.#asked = 1;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    return child;
  }
}
