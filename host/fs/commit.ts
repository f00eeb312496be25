/**
 * Carries out a set of changes, wholly or not at all. Invariants:
 *
 * C1  Nothing is written before everything has been looked at: each name holds what it held when the attempt met it, or already what
 *     it is to hold. Anything else is a conflict, and the disk is as it was.
 * C2  Files are written beside their place, synced, and only then renamed into it: a reader sees the old or the new file, whole.
 * C3  Until the first rename everything can be taken back, and is (a full disk, a missing permission).
 * C4  Every step is the same when it is done again, so that a commit which was cut off anywhere is finished by starting it anew.
 *     The names of unfinished files follow from the commit's key; what an unfinished commit left in a directory goes with the next
 *     one that writes there.
 * C5  No link is followed (`walk.ts`). A file that has several names keeps its content under the others.
 *
 * Nobody else who goes by these rules writes at the same time: the caller holds the lock.
 */
import type { Digest } from "#core/digest.js";
import { digestStream } from "#core/digest.js";
import { sameContent, type Change, type Content } from "./changes.js";
import type { Disk } from "./disk.js";
import { FileError, fileError } from "./error.js";
import { REPLACED_BYTES } from "./limits.js";
import { list } from "./listing.js";
import { namesOf, PARTIAL } from "./path.js";
import { within, type Directory, type Entry } from "./walk.js";

/** A name holds something else than it must: nothing was done. */
export class CommitConflict extends Error {}
/** Some of the changes were made, and the rest could not be. */
export class CommitBroken extends Error {}

export interface Commit {
  readonly changes: readonly Change[];
  /** Runs `work` on the granted directory. */
  readonly open: <T>(dir: string, work: (root: Directory) => Promise<T>) => Promise<T>;
  readonly blob: (digest: Digest) => Uint8Array;
  /** 64 hex digits, the same for every try of the same commit. */
  readonly key: Digest;
  readonly disk: Disk;
}

/** Throws `CommitConflict`, `CommitBroken`, or `FileError` where nothing could be done and nothing was. */
export async function carryOutChanges(commit: Commit): Promise<void> {
  const open = await lookAtAll(commit);
  if (open.length === 0) return;
  await stageAll(commit, open);
  try {
    await putInPlace(commit, open);
  } catch (error) {
    throw new CommitBroken(`the changes were made in part: ${messageOf(error)}`);
  }
}

/** What a name holds now; null where there is nothing. Throws `FileError`. */
export async function contentAt(root: Directory, path: string): Promise<Content> {
  return whereItStands(root, path, async (parent, name) => {
    const entry = await lookIfThere(parent, name);
    return entry && contentOf(parent, entry);
  });
}

/** Reads all of a file for its digest; the entry is used up. Throws `FileError`: `unsupported` for what is neither file nor directory. */
export async function contentOf(parent: Directory, entry: Entry): Promise<Content> {
  try {
    if (entry.kind === "directory") return { kind: "directory" };
    if (entry.kind !== "regular-file") throw new FileError("unsupported", `a ${entry.kind} stands there`);
    if (entry.info.size > BigInt(REPLACED_BYTES))
      throw new FileError("overflow", `a file of more than ${REPLACED_BYTES} bytes is not replaced`);
    const file = await parent.read(entry);
    try {
      let size = 0;
      const digest = await digestStream(
        (async function* () {
          const buffer = Buffer.alloc(1 << 16);
          for (;;) {
            const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
            if (bytesRead === 0) return;
            size += bytesRead;
            yield buffer.subarray(0, bytesRead);
          }
        })(),
      );
      return { kind: "file", size, digest };
    } catch (error) {
      throw fileError(error);
    } finally {
      await file.close();
    }
  } finally {
    await entry.handle?.close();
  }
}

/** C1. Gives the changes that are still to be made. */
async function lookAtAll({ changes, open }: Commit): Promise<readonly Change[]> {
  const rest: Change[] = [];
  for (const change of changes) {
    const { dir, path, before, after } = change;
    const now = await open(dir, (root) => contentAt(root, path)).catch((error: unknown) => {
      throw new CommitConflict(`${dir}/${path}: ${messageOf(error)}`);
    });
    if (sameContent(now, after)) continue;
    // Between the removal of what stood there and what takes its place, where the two are of different kinds, there is nothing.
    const between = now === null && before !== null && after !== null && before.kind !== after.kind;
    if (!sameContent(now, before) && !between) throw new CommitConflict(`${dir}/${path} has changed meanwhile`);
    if (before?.kind === "directory" && now !== null) await mustBecomeEmpty(changes, change, open);
    rest.push(change);
  }
  return rest;
}

/** A directory goes only when all that it holds goes with it: what somebody else has put there stays, and so does the directory. */
async function mustBecomeEmpty(changes: readonly Change[], { dir, path }: Change, open: Commit["open"]): Promise<void> {
  const leaving = new Set(changes.flatMap((each) => (each.dir === dir && each.after === null ? [each.path] : [])));
  const { entries, skipped } = await open(dir, (root) => within(root, namesOf(path), (directory) => list(directory)));
  const stays = entries.find(({ name }) => !leaving.has(`${path}/${name}`));
  if (stays || skipped > 0)
    throw new CommitConflict(
      `${dir}/${path} is to be removed and holds ${stays ? `\`${stays.name}\`` : "names that are no text"}`,
    );
}

/** C2 and C3: every file stands near its place, synced. What fails takes all of them away again. */
async function stageAll({ changes, open, blob, key, disk }: Commit, rest: readonly Change[]): Promise<void> {
  const places = new Places(changes);
  const swept = new Set<string>();
  const staged: Change[] = [];
  try {
    for (const change of rest) {
      const { dir, path, before, after } = change;
      if (after?.kind !== "file") continue;
      const place = places.stageOf(change);
      staged.push(change);
      await open(dir, async (root) => {
        const mode = before?.kind === "file" ? await modeOf(root, path) : null;
        await within(root, place, async (directory) => {
          const name = `${dir}\0${place.join("/")}`;
          if (!swept.has(name)) await sweep(directory, key, disk);
          swept.add(name);
          const pieces = after.pieces.map((piece) => () => blob(piece));
          await disk.write(directory, places.partialOf(change, key), pieces, mode);
        });
      });
    }
  } catch (error) {
    for (const change of staged) {
      const gone = (directory: Directory) => disk.unlink(directory, places.partialOf(change, key));
      await open(change.dir, (root) => within(root, places.stageOf(change), gone)).catch(() => {});
    }
    throw fileError(error);
  }
}

/** C4. From here on there is no way back: removals from the bottom up, directories from the top down, then the files. */
async function putInPlace({ changes, open, key, disk }: Commit, rest: readonly Change[]): Promise<void> {
  const places = new Places(changes);
  const touched = new Map<string, { readonly dir: string; readonly names: readonly string[] }>();
  const touch = (dir: string, names: readonly string[]): void => void touched.set(`${dir}\0${names.join("/")}`, { dir, names });
  const at = (change: Change, work: (parent: Directory, name: string) => Promise<void>): Promise<void> => {
    const names = namesOf(change.path);
    touch(change.dir, names.slice(0, -1));
    return open(change.dir, (root) => within(root, names.slice(0, -1), (parent) => work(parent, names.at(-1)!)));
  };

  for (const change of rest.filter(goes).sort((a, b) => depth(b) - depth(a)))
    await at(change, (parent, name) =>
      change.before?.kind === "directory" ? disk.rmdir(parent, name) : disk.unlink(parent, name),
    );
  for (const change of rest.filter(({ after }) => after?.kind === "directory").sort((a, b) => depth(a) - depth(b)))
    await at(change, (parent, name) => disk.mkdir(parent, name));
  for (const change of rest.filter(({ after }) => after?.kind === "file")) {
    const place = places.stageOf(change);
    touch(change.dir, place);
    await open(change.dir, (root) =>
      within(root, place, (from) => at(change, (parent, name) => disk.rename(from, places.partialOf(change, key), parent, name))),
    );
  }
  for (const { dir, names } of touched.values())
    await open(dir, (root) => within(root, names, (directory) => disk.sync(directory))).catch((error: unknown) => {
      // A directory that was itself removed has nothing left to sync; its parent is in the list.
      if (!isGone(error)) throw error;
    });
}

const depth = ({ path }: Change): number => namesOf(path).length;
const goes = ({ before, after }: Change): boolean => before !== null && (after === null || after.kind !== before.kind);

/** Where files wait for their place: the lowest directory above it that is there before, while and after the changes are made. */
class Places {
  private readonly changes: readonly Change[];
  private readonly changing: ReadonlySet<string>;

  constructor(changes: readonly Change[]) {
    this.changes = changes;
    this.changing = new Set(changes.map(({ dir, path }) => `${dir}\0${path}`));
  }

  stageOf({ dir, path }: Change): readonly string[] {
    const parents = namesOf(path).slice(0, -1);
    const stays = parents.findIndex((_, index) => this.changing.has(`${dir}\0${parents.slice(0, index + 1).join("/")}`));
    return stays < 0 ? parents : parents.slice(0, stays);
  }

  partialOf(change: Change, key: Digest): string {
    return `.rlp-${key.slice(0, 16)}-${this.changes.indexOf(change)}.partial`;
  }
}

/** What commits that were never finished have left here. */
async function sweep(directory: Directory, key: Digest, disk: Disk): Promise<void> {
  const own = `.rlp-${key.slice(0, 16)}-`;
  for (const name of await disk.names(directory))
    if (PARTIAL.test(name) && !name.startsWith(own)) await disk.unlink(directory, name);
}

async function modeOf(root: Directory, path: string): Promise<number | null> {
  return whereItStands(root, path, async (parent, name) => {
    const entry = await lookIfThere(parent, name);
    await entry?.handle?.close();
    return entry?.kind === "regular-file" ? Number(entry.info.mode) & 0o777 : null;
  });
}

async function whereItStands<T>(
  root: Directory,
  path: string,
  work: (parent: Directory, name: string) => Promise<T | null>,
): Promise<T | null> {
  const names = namesOf(path);
  try {
    return await within(root, names.slice(0, -1), (parent) => work(parent, names.at(-1)!));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

async function lookIfThere(parent: Directory, name: string): Promise<Entry | null> {
  return parent.look(name).catch((error: unknown) => {
    if (error instanceof FileError && error.code === "no-entry") return null;
    throw error;
  });
}

const isGone = (error: unknown): boolean =>
  error instanceof FileError && (error.code === "no-entry" || error.code === "not-directory");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
