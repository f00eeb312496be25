/** Starts a Node that can do nothing but compute: permission model, nothing of our environment, one pipe, and the cage that the machine gives. */
import { spawn, type ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { writeFilter } from "./isolation/ladder.js";
import type { Isolation } from "./isolation/rung.js";

interface CodeRoot {
  readonly dist: string;
  readonly packageFile: string;
}

/** Built code and the package's `package.json`, whether this file runs built or from source. */
export function codeRoot(here: string = import.meta.dirname): CodeRoot {
  const above = resolve(here, "..", "..");
  const dist = basename(above) === "dist" ? above : join(above, "dist");
  return { dist, packageFile: join(dist, "..", "package.json") };
}

/** What a child runs, and all that it reads for that. */
export interface ChildProgram {
  readonly entry: string;
  readonly readable: readonly string[];
}

/**
 * The program of a child in one file, as the build makes it of `single`'s (bin/children.mjs). Where there is none, or something was compiled
 * after it, these themselves; so too with an `own` entry, which they get.
 */
export function childProgram(
  name: "sandbox" | "toolchain",
  single: (own?: string) => ChildProgram,
  own?: string,
  { dist, packageFile }: CodeRoot = codeRoot(),
): ChildProgram {
  if (own !== undefined) return single(own);
  const entry = join(dist, "children", `${name}.cjs`);
  const made = modified(entry);
  const compiled = ["core", "host"].map((folder) => modified(join(dist, folder, ".tsbuildinfo")));
  if (made === 0 || compiled.some((time) => time > made)) return single();
  return { entry, readable: [packageFile, entry] };
}

/** 0 where there is no such file. */
const modified = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** What each child reads whatever it is for: what says that these are ES modules, its end of the pipe, and what that is made of. */
export function childCode(): readonly string[] {
  const { dist, packageFile } = codeRoot();
  return [packageFile, join(dist, "host", "sandbox"), ...["errors.js", "lookout.js"].map((name) => join(dist, "core", name))];
}

export interface Confined {
  readonly child: ChildProcess;
  /** File descriptor 3 of the child. */
  readonly pipe: Duplex;
  /** Resolves once, when the process is gone or could not be started. */
  readonly gone: Promise<string>;
  /**
   * Ends it at once, at whatever stage its cage is. A cage is two processes; until the inner one has asked to die with the outer
   * one, it would wait for ever for a word from it, and hold the pipes open. So the whole group is killed.
   */
  readonly end: () => void;
  /** `how` with the line in which it said what was wrong, where it wrote one to standard output or error. */
  readonly lastWords: (how: string) => string;
}

/**
 * All of a child's environment: the C library asks for memory in large pages, where there are any. A page that is touched for the first
 * time costs some hundred nanoseconds, and a dozen microseconds on a machine whose kernel runs on another one's; a module that is loaded
 * and run takes forty of them (docs/decisions/032). Other C libraries do not know the word.
 */
const LARGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** How much of a child's standard output and error is kept; the rest is read, so that it never blocks, and dropped. */
const KEPT = 2048;

/**
 * `entry` is a built file. It may read `readable` (files or folders) and nothing else; no child processes, workers, add-ons, WASI,
 * inspector, and on Node 26 no network. Strings are never compiled to code in it.
 */
export function spawnConfined(options: {
  readonly isolation: Isolation;
  readonly entry: string;
  readonly readable: readonly string[];
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly nodePath?: string;
  /** Writable private memory; the kernel refuses more where it can. */
  readonly memoryBytes: number;
}): Confined {
  const { file, args, filter } = options.isolation.wrap({
    node: options.nodePath ?? process.execPath,
    args: [
      "--permission",
      "--no-experimental-sqlite",
      "--no-addons",
      "--disallow-code-generation-from-strings",
      "--no-warnings",
      ...options.readable.map((path) => `--allow-fs-read=${path}`),
      ...(options.flags ?? []),
      options.entry,
      ...(options.args ?? []),
    ],
    readable: options.readable,
    memoryBytes: options.memoryBytes,
  });
  const stdio = ["ignore", "pipe", "pipe", "pipe", ...(filter ? (["pipe"] as const) : [])] as const;
  // A group of its own (where there are groups) also keeps the terminal's Ctrl-C away from what must first be asked to stop.
  const grouped = process.platform !== "win32";
  const child = spawn(file, args, { env: LARGE_PAGES, stdio: [...stdio], windowsHide: true, detached: grouped });
  // Before anything else: an error that nobody listens for would end this process.
  const gone = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("close", (code, signal) => resolve(ending(code, signal)));
  });
  if ((child.stdio as unknown) === undefined) throw new Error("a process could not be started: no file descriptors are left");
  writeFilter(child, filter);
  let kept = "";
  let dropped = 0;
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      const text = kept + chunk.subarray(-KEPT).toString("utf8");
      dropped += Math.max(0, chunk.length - KEPT) + Math.max(0, text.length - KEPT);
      kept = text.slice(-KEPT);
    });
  const pipe = child.stdio[3] as Duplex;
  // A child that dies while something is written to it is seen through `gone`; the pipe has nothing to add.
  pipe.on("error", () => {});
  const lastWords = (how: string): string => {
    const lines = kept.split("\n").filter((line) => line.trim() !== "");
    const line = lines.find((text) => /\b\w*error\b/i.test(text)) ?? lines.at(-1);
    return line === undefined
      ? how
      : `${how} (${line.trim().slice(0, 300)}${dropped > 0 ? `; ${dropped} characters before it were dropped` : ""})`;
  };
  const end = (): void => {
    try {
      if (grouped && child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
    child.kill("SIGKILL");
    // An inner process that has left the group, and has not asked yet, starts Node, finds the pipe closed, and ends.
    pipe.destroy();
  };
  return { child, pipe, gone, end, lastWords };
}

/** A cage reports a signal that ended what was in it as a shell does: 128 and the signal's number. */
function ending(code: number | null, signal: NodeJS.Signals | null): string {
  const inside =
    code !== null && code > 128 ? Object.entries(constants.signals).find(([, n]) => n === code - 128)?.[0] : undefined;
  const by = signal ?? inside;
  return by === undefined ? `exit status ${code}` : `ended by ${by}`;
}
