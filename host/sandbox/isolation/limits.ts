/** Limits of the kernel on a sandbox process, by `prlimit`. They are inherited by everything in the cage and can only be lowered there. */
import { readFileSync } from "node:fs";
import type { Command } from "./rung.js";

/** A sandbox process holds a handful. */
const OPEN_FILES = 256;

/** No files grow, no memory is dumped; `--as` would count the address space that WebAssembly reserves and does not use. */
export function limited(prlimit: string, memoryBytes: number, command: Command): Command {
  const limits = [`--data=${within("Max data size", memoryBytes)}`, `--nofile=${within("Max open files", OPEN_FILES)}`];
  return { ...command, file: prlimit, args: [...limits, "--core=0", "--fsize=0", "--", command.file, ...command.args] };
}

let own: string | undefined;

/** Nobody may ask for more than their own hard limit. */
function within(name: string, wanted: number): number {
  own ??= readOwn();
  const hard = new RegExp(`^${name}\\s+\\S+\\s+(\\d+)`, "m").exec(own)?.[1];
  return hard === undefined ? wanted : Math.min(wanted, Number(hard));
}

function readOwn(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // without /proc the trial shows whether it works
  }
}
