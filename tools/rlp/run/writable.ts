/** A file that will be written: found out before the work rather than after it. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "#core/errors.js";

/** Throws `USAGE`, naming the option that named the file. */
export function writablePath(file: string, option: string): string {
  const refuse = (what: string): never => {
    throw new UsageError("USAGE", `${option}: ${what}`, {
      place: { file },
      hint: "name a file in a folder that you can write to",
    });
  };
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) refuse("is a folder");
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch {
    refuse("its folder is not there, or cannot be written to");
  }
  return file;
}
