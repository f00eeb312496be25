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
  makeFolders(dirname(folder));
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
  makeFolders(dirname(file));
  writeFileSync(file, content, { flag: "wx" });
}

/** One level after the other: where a file system refuses new names as `ENOENT` (/proc), Node's own recursive form never comes to an end. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolders(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError("USAGE", `no folder can be made there: ${why}`, {
      place: { file: folder },
      hint: "choose another folder with --dir",
      cause,
    });
  }
}
