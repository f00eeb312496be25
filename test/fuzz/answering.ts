/** A process that answers questions, a line of JSON each, one at a time: the fuzz run is to leave the machine's other cores alone. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process gathers code and memories: a new one after so many questions. */
const RENEWED_AFTER = 400;
/** No question takes as long; one that does is a finding. */
const HUNG_MS = 120_000;

/** The process ended instead of answering. */
export interface Ended {
  readonly ended: string;
}

export class Answering<Question, Answer extends object> {
  readonly #program: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | null = null;
  #gone: Promise<string> | null = null;
  #lines: AsyncIterator<string> | null = null;
  #asked = 0;

  /** `program` is a source file of this folder; tests run the sources, child processes what was built of them. */
  constructor(program: string, flags: readonly string[]) {
    this.#program = fileURLToPath(new URL(program, import.meta.url.replace("/test/fuzz/", "/dist/fuzz/")));
    this.#flags = flags;
  }

  async ask(question: Question): Promise<Answer | Ended> {
    if (this.#asked++ >= RENEWED_AFTER) this.close();
    const child = this.#child ?? this.#start();
    child.stdin?.write(`${JSON.stringify(question)}\n`);
    const timer = setTimeout(() => child.kill("SIGKILL"), HUNG_MS);
    const line = await (this.#lines as AsyncIterator<string>).next();
    clearTimeout(timer);
    if (!line.done) return JSON.parse(line.value) as Answer;
    this.close();
    return { ended: `the process ended: ${await this.#gone}` };
  }

  close(): void {
    this.#child?.stdin?.end();
    this.#child = null;
    this.#asked = 0;
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [...this.#flags, this.#program], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin?.on("error", () => {}); // how it ended is told by its last line
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once("exit", (code, signal) => resolve(String(signal ?? code))));
    this.#asked = 1;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    return child;
  }
}

/** The other half: answers what comes on standard input. */
export async function answering<Question, Answer>(answer: (question: Question) => Promise<Answer>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin }))
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Question))}\n`);
}
