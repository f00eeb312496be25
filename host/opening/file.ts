/** Opening files: read within bounds, and found by name. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { UsageError } from "#core/errors.js";

/** Beyond this nobody means an opening; what the language itself allows is less, and told with more words. */
const MAX_OPENING_FILE = 16 << 20;

/** What an opening's file may end in. */
export const ENDINGS = [".yaml", ".yml", ".opening"] as const;

/** Throws `USAGE_NOT_FOUND` and `USAGE`. */
export async function readOpening(file: string): Promise<Uint8Array> {
  const info = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(
      "USAGE_NOT_FOUND",
      cause.code === "ENOENT" ? `there is no opening ${file}` : `cannot read ${file}: ${cause.code}`,
      { place: { file }, cause },
    );
  });
  if (info.isDirectory())
    throw new UsageError("USAGE", `${file} is a directory, not an opening`, {
      place: { file },
      hint: "name a `.yaml` file in it",
    });
  if (!info.isFile()) throw new UsageError("USAGE", `${file} is not a regular file`, { place: { file } });
  if (info.size > MAX_OPENING_FILE)
    throw new UsageError("USAGE", `${file} has ${info.size} bytes: that is no opening`, { place: { file } });
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError("USAGE", `cannot read ${file}: ${cause.code}`, { place: { file }, cause });
  });
}

/** The folders in which an opening looks for another one: its own, then those of the configuration. */
export function openingFolders(file: string, searchDirs: readonly string[]): readonly string[] {
  return [dirname(resolve(file)), ...searchDirs];
}

/** The file of an opening by its name, links followed. */
export function findOpening(name: string, folders: readonly string[]): string | undefined {
  for (const folder of folders)
    for (const ending of ENDINGS) {
      const file = join(folder, `${name}${ending}`);
      if (existsSync(file)) return realpathSync(file);
    }
  return undefined;
}

/** Names of all openings there, for suggestions. */
export function openingNames(folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((file) => (ENDINGS as readonly string[]).includes(extname(file)))
        .map((file) => basename(file, extname(file)));
    } catch {
      return []; // a folder that cannot be read holds nothing to suggest
    }
  });
}
