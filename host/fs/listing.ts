/** The names of a directory, sorted by their bytes, in a directory of any size that we take at all. */
import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { setImmediate as breathe } from "node:timers/promises";
import { FileError, fileError } from "./error.js";
import { DIRECTORY_ENTRIES } from "./limits.js";
import { PARTIAL } from "./path.js";
import type { Directory, Kind } from "./walk.js";
import { utf8 } from "./utf8.js";

export interface Listing {
  /** Sorted; equal for equal directories, whatever order the disk has them in. */
  readonly entries: readonly ListedEntry[];
  /** Names that are no UTF-8: a guest could neither be shown nor open them. */
  readonly skipped: number;
}
export interface ListedEntry {
  readonly name: string;
  readonly kind: Kind;
}

/** Runs of names are sorted one by one and then merged, so that nobody waits for a hundred thousand of them. */
const RUN = 1024;

/** Throws `FileError`: `overflow` where there are more than {@link DIRECTORY_ENTRIES}. */
export async function list(directory: Directory): Promise<Listing> {
  const runs: Row[][] = [];
  let run: Row[] = [];
  let skipped = 0;
  let count = 0;
  try {
    for await (const entry of await opendir(directory.self, { encoding: "buffer" as never, bufferSize: 512 })) {
      if (++count > DIRECTORY_ENTRIES) throw new FileError("overflow", `more than ${DIRECTORY_ENTRIES} names in one directory`);
      const name = entry.name as unknown as Buffer;
      const text = utf8(name);
      if (text === null) {
        skipped++;
        continue;
      }
      if (PARTIAL.test(text)) continue;
      const kind = kindOfEntry(entry) ?? (await kindBySight(directory, text));
      if (kind === null) continue;
      // As text of single bytes it compares as the bytes do.
      run.push({ key: name.toString("latin1"), name: text, kind });
      if (run.length < RUN) continue;
      runs.push(run.sort(byBytes));
      run = [];
    }
  } catch (error) {
    throw fileError(error);
  }
  runs.push(run.sort(byBytes));
  const rows = await merged(runs);
  return { entries: rows.map(({ name, kind }) => ({ name, kind })), skipped };
}

interface Row extends ListedEntry {
  readonly key: string;
}
const byBytes = (a: Row, b: Row): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

async function merged(runs: readonly Row[][]): Promise<readonly Row[]> {
  let left = runs;
  while (left.length > 1) {
    const next: Row[][] = [];
    for (let i = 0; i < left.length; i += 2) next.push(left[i + 1] ? await mergedPair(left[i]!, left[i + 1]!) : left[i]!);
    left = next;
  }
  return left[0] ?? [];
}

async function mergedPair(a: readonly Row[], b: readonly Row[]): Promise<Row[]> {
  const out: Row[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    out.push(j >= b.length || (i < a.length && byBytes(a[i]!, b[j]!) <= 0) ? a[i++]! : b[j++]!);
    if (out.length % RUN === 0) await breathe();
  }
  return out;
}

/** null where the file system does not say. */
function kindOfEntry(entry: Dirent): Kind | null {
  if (entry.isFile()) return "regular-file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symbolic-link";
  if (entry.isFIFO()) return "fifo";
  if (entry.isSocket()) return "socket";
  if (entry.isBlockDevice()) return "block-device";
  return entry.isCharacterDevice() ? "character-device" : null;
}

/** null where it is gone by now. */
async function kindBySight(directory: Directory, name: string): Promise<Kind | null> {
  try {
    const entry = await directory.look(name);
    await entry.handle?.close();
    return entry.kind;
  } catch {
    return null;
  }
}
