/** A text that is the result of a command: to standard output, or into a file. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "#core/errors.js";
import { shortPath, type Context } from "./context.js";

/** Throws `USAGE` where the file cannot be written. */
export function printed({ world, out }: Context, text: string, file: string | undefined): void {
  if (file === undefined) {
    out.print(text);
    return;
  }
  const path = resolve(world.cwd, file);
  try {
    writeFileSync(path, text);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new UsageError("USAGE", `cannot write ${file}: ${code ?? message}`, { cause });
  }
  out.note(`written to ${shortPath(path, world.cwd)}`);
}
