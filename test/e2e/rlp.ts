/** The real command line, as a person would call it: its own process, its own home. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { homeAt } from "#host/config/home.js";
import { checkpointKeys, headFile } from "#host/trust/ledger-keys.js";
import { verifyKb } from "#kb/verify.js";
import { accept } from "./strangers.js";
import { parseRunEvent, type RunEvent, type RunEventOf, type RunKind } from "#core/events.js";

export const root = resolve(import.meta.dirname, "../..");
export const example = (name: string): string => join(root, "examples/openings", name);
const launcher = join(root, "bin/rlp.cjs");

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HomeFolder {
  readonly path: string;
  /** Runs `rlp` with these words in this home, to its end. */
  rlp(...words: string[]): Promise<Outcome>;
  start(...words: string[]): ChildProcessWithoutNullStreams;
  remove(): Promise<void>;
}

/** A fresh home. The environment holds nothing but what a bare shell has. */
export async function freshHome(env: Record<string, string> = {}): Promise<HomeFolder> {
  const path = await mkdtemp(join(tmpdir(), "rlp-home-"));
  const start = (...words: string[]): ChildProcessWithoutNullStreams => {
    accept(path);
    return spawn(process.execPath, [launcher, ...words], {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", RUNLOOP_HOME: path, NO_COLOR: "1", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
  };
  return {
    path,
    start,
    rlp: async (...words) => finish(start(...words)),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

export async function finish(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdin.end();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** A home with the sample data in it. */
export async function homeWithSamples(env: Record<string, string> = {}): Promise<HomeFolder> {
  const home = await freshHome(env);
  const ingested = await home.rlp("kb", "ingest", "examples/data");
  if (ingested.code !== 0) throw new Error(`ingest failed: ${ingested.stderr}`);
  return home;
}

/** What `rlp kb verify` would find wrong in this home: the same code, without a process of its own. */
export async function problemsIn({ path }: HomeFolder): Promise<readonly unknown[]> {
  const home = homeAt(path, true);
  const keys = checkpointKeys(home.keysDir, []);
  return (await verifyKb({ root: home.kbRoot, headFile: headFile(home, home.kbRoot), keys })).problems;
}

/** Standard output as events: every line must fit the schema. */
export function events(stdout: string): RunEvent[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseRunEvent(JSON.parse(line)));
}

export function only<K extends RunKind>(all: readonly RunEvent[], kind: K): RunEventOf<K>[] {
  return all.filter((event): event is RunEventOf<K> => event.kind === kind);
}

export function finalHash(all: readonly RunEvent[]): string {
  const hash = only(all, "run.finished")[0]?.meta.final_hash;
  if (!hash) throw new Error("the run has not finished");
  return hash;
}

/**
 * Kills the process when its `nth` line has been read, or `afterMs` later; never where it prints fewer. Gives what it printed, once it is
 * gone: a line that the kill cut in two was acknowledged to nobody.
 */
export async function killedAt(child: ChildProcessWithoutNullStreams, nth: number, afterMs?: number): Promise<RunEvent[]> {
  const closed = once(child, "close");
  let printed = "";
  await eachLine(child, (line, index) => {
    printed += `${line}\n`;
    if (index !== nth) return;
    if (afterMs === undefined) child.kill("SIGKILL");
    else setTimeout(() => child.kill("SIGKILL"), afterMs);
  });
  await closed;
  return events(printed.slice(0, printed.lastIndexOf("}\n") + 2));
}

/** Lets this home's openings use the agents of the examples from anywhere. */
export async function findExampleAgents({ path }: HomeFolder): Promise<void> {
  const folder = JSON.stringify(join(root, "examples/agents"));
  await writeFile(join(path, "config.yaml"), `version: 1\nagents: { search_dirs: [${folder}] }\n`);
}

/** Calls back for each line of standard output until the process ends. */
export async function eachLine(
  child: ChildProcessWithoutNullStreams,
  onLine: (line: string, index: number) => void,
): Promise<void> {
  let index = 0;
  for await (const line of createInterface({ input: child.stdout })) onLine(line, index++);
}
