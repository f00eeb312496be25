/** Changes for a test, with the contents that they need, and disks that fail where a test wants it. */
import { blake3, type Digest } from "#core/digest.js";
import type { Change } from "#host/fs/changes.js";
import { realDisk, type Disk } from "#host/fs/disk.js";

export interface CommitCase {
  readonly root: string;
  readonly changes: readonly Change[];
  readonly blobs: Readonly<Record<string, string>>;
  readonly key: Digest;
}

/** Names with the text before and after; null: nothing, `/`: a directory. */
export function commitCase(
  root: string,
  names: Readonly<Record<string, readonly [before: string | null, after: string | null]>>,
): CommitCase {
  const blobs: Record<string, string> = {};
  const content = (text: string | null) => {
    if (text === null) return null;
    if (text === "/") return { kind: "directory" as const };
    const bytes = Buffer.from(text);
    const half = Math.ceil(bytes.length / 2);
    const pieces = [bytes.subarray(0, half), bytes.subarray(half)].filter((piece) => piece.length > 0);
    for (const piece of pieces) blobs[blake3(piece)] = piece.toString("base64");
    return { kind: "file" as const, size: bytes.length, digest: blake3(bytes), pieces: pieces.map((piece) => blake3(piece)) };
  };
  const changes = Object.entries(names).map(([path, [before, after]]): Change => {
    const was = content(before);
    return { dir: root, path, before: was?.kind === "file" ? { ...was, version: "0".repeat(32) } : was, after: content(after) };
  });
  return { root, changes, blobs, key: blake3("key of this commit") };
}

/** Counts the steps of a commit and lets `before` stop it in front of each. */
export function stepping(before: (step: number, what: keyof Disk) => void): Disk {
  let step = 0;
  const wrap = <K extends keyof Disk>(what: K): Disk[K] =>
    ((...args: never[]) => {
      if (what !== "names") before(step++, what);
      return (realDisk[what] as (...args: never[]) => unknown).apply(realDisk, args);
    }) as Disk[K];
  return {
    write: wrap("write"),
    rename: wrap("rename"),
    unlink: wrap("unlink"),
    rmdir: wrap("rmdir"),
    mkdir: wrap("mkdir"),
    sync: wrap("sync"),
    names: wrap("names"),
  };
}
