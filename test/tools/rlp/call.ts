/** `rlp` called inside the test's process, with streams that remember. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { main } from "../../../tools/rlp/main.js";
import type { Sink } from "../../../tools/rlp/output.js";

export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether standard output is a terminal of this width. */
  readonly columns?: number;
  readonly stdin?: string;
  readonly cwd?: string;
  /** As the world has it: is told each Ctrl-C until what it gives back is called. Default: nobody types one. */
  readonly onInterrupt?: (listener: () => void) => () => void;
}

class Collected implements Sink {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  constructor(columns: number | undefined) {
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
  on(): void {}
  off(): void {}
}

/** Nothing of the real environment comes in: HOME is a folder that is not there. */
export async function rlp(
  words: readonly string[],
  { env = {}, columns, stdin = "", cwd = tmpdir(), onInterrupt = () => () => {} }: Surroundings = {},
): Promise<Called> {
  const stdout = new Collected(columns);
  const stderr = new Collected(undefined);
  const input = new PassThrough();
  input.end(stdin);
  const world = {
    env: { HOME: join(tmpdir(), "rlp-nobody"), LANG: "C.UTF-8", ...env },
    cwd,
    stdin: input,
    prompt: new PassThrough(),
    now: () => 1_763_636_400_000,
    onInterrupt,
    exit: (code: number): never => {
      throw new Error(`exit ${code}`);
    },
  };
  const code = await main(words, world, { stdout, stderr } as never);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A folder that is removed when `use` has ended. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "rlp-cli-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
