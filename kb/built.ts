/** Entry files of threads and child processes. They run from `dist`, also where this module itself runs from its source. */
import { join, relative } from "node:path";

/** `name` is relative to the built `kb` folder: `ledger/writer-thread.js`. */
export function builtFile(name: string): string {
  const kb = import.meta.dirname;
  return import.meta.filename.endsWith(".ts") ? join(kb, "..", "dist", relative(join(kb, ".."), kb), name) : join(kb, name);
}
