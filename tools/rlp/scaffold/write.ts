/** New files on disk: all of them or none, and never in the place of something. */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "#core/errors.js";

/** Refuses where something is there already. */
export function mustBeFree(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })) return;
  throw new UsageError("USAGE", "is there already; nothing was written", {
    place: { file: path },
    hint: "choose another name, or another folder with --dir",
  });
}

/** Writes a folder beside its place and renames it there. */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(dirname(folder), { recursive: true });
  const staging = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
  try {
    const made = join(staging, basename(folder));
    for (const [path, content] of files) {
      const file = join(made, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content, { flag: "wx" });
    }
    mustBeFree(folder);
    renameSync(made, folder);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

export function writeNew(file: string, content: string): void {
  if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { flag: "wx" });
}
