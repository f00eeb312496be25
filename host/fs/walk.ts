/**
 * Going down from a granted directory, one name at a time. Invariants:
 *
 * W1  Every step starts from an open directory, never from a path that is resolved anew: `/proc/self/fd/<fd>/<name>` is Linux'
 *     `openat(fd, name)`. Renaming or swapping directories meanwhile changes nothing about where a step leads from.
 * W2  No link is followed, ever: each step has O_NOFOLLOW. Where a link is met its text is read, and whoever resolves it (the
 *     sandbox process, on its own view) comes back with another path from the top.
 * W3  Nothing is opened before it is known to be a regular file or a directory: O_PATH opens no device and waits for no pipe.
 * W4  File systems of the kernel's own (proc, sys, …) are not entered: what stands there is of this process, not of the folder.
 *
 * Elsewhere than on Linux there is no W1: a step is a path with O_NOFOLLOW at its end (on macOS at every name), so that somebody who
 * swaps a directory for a link in the very moment can lead a step astray. `docs/threat-model.md` says so.
 */
import { constants, type BigIntStats } from "node:fs";
import { lstat, open, readlink, realpath, statfs, type FileHandle } from "node:fs/promises";
import { FileError, fileError } from "./error.js";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = constants;
const LINUX = process.platform === "linux";
/** Linux, fcntl.h: the same on every architecture that Node runs on. Node does not name it. */
const O_PATH = 0o10000000;
/** macOS, sys/fcntl.h: fails where any name of the path is a link. */
const O_NOFOLLOW_ANY = process.platform === "darwin" ? 0x20000000 : 0;

/** statfs(2): the magic numbers of what is no storage. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x73636673, // securityfs
  0xcafe4a11, // bpf
  0x62656570, // configfs
  0xde5e81e4, // efivarfs
  0x1cd1, // devpts
  0x19800202, // mqueue
  0x6e736673, // nsfs
  0x42494e4d, // binfmt_misc
  0x6165676c, // pstore
  0xf97cff8c, // selinux
]);

export type Kind = "directory" | "regular-file" | "symbolic-link" | "fifo" | "socket" | "block-device" | "character-device";

export function kindOf(info: BigIntStats): Kind {
  if (info.isDirectory()) return "directory";
  if (info.isFile()) return "regular-file";
  if (info.isSymbolicLink()) return "symbolic-link";
  if (info.isFIFO()) return "fifo";
  if (info.isSocket()) return "socket";
  return info.isBlockDevice() ? "block-device" : "character-device";
}

/** Device and inode of a file: what it is, whatever it is called. Never leaves this process. */
export type Identity = `${bigint}:${bigint}`;
export const identityOf = ({ dev, ino }: BigIntStats): Identity => `${dev}:${ino}`;

/** Something in a directory, held so that it stays what it is; closed with {@link Directory}'s or by whoever took it. */
export interface Entry {
  readonly kind: Kind;
  readonly info: BigIntStats;
  /** Open with O_PATH; null elsewhere than on Linux. */
  readonly handle: FileHandle | null;
  readonly name: string;
}

/** An open directory. */
export class Directory {
  readonly info: BigIntStats;
  private readonly handle: FileHandle;
  /** What names are put behind. */
  private readonly prefix: string;
  /** Directories that are not entered, whatever they are called and however one comes to them. */
  private readonly closed: ReadonlySet<Identity>;

  private constructor(handle: FileHandle, info: BigIntStats, prefix: string, closed: ReadonlySet<Identity>) {
    this.handle = handle;
    this.info = info;
    this.prefix = prefix;
    this.closed = closed;
  }

  /** The directory that a grant names, itself no link. Links on the way to it are the person's own. Throws `FileError`. */
  static async root(path: string, closed: ReadonlySet<Identity> = new Set()): Promise<Directory> {
    try {
      const handle = await open(path, O_DIRECTORY | O_NOFOLLOW | (LINUX ? O_PATH : O_RDONLY));
      return await Directory.of(handle, LINUX ? path : await realpath(path), null, closed);
    } catch (error) {
      throw fileError(error);
    }
  }

  private static async of(
    handle: FileHandle,
    path: string,
    parent: Directory | null,
    closed: ReadonlySet<Identity>,
  ): Promise<Directory> {
    try {
      const info = await handle.stat({ bigint: true });
      if (!info.isDirectory()) throw new FileError("not-directory", "not a directory");
      if (closed.has(identityOf(info))) throw new FileError("access", "a directory of rlp's own");
      if (LINUX && info.dev !== parent?.info.dev && KERNEL_FILE_SYSTEMS.has((await statfs(`/proc/self/fd/${handle.fd}`)).type))
        throw new FileError("access", "a directory of the kernel's own");
      return new Directory(handle, info, LINUX ? `/proc/self/fd/${handle.fd}` : path, closed);
    } catch (error) {
      await handle.close();
      throw fileError(error);
    }
  }

  /** The place of a name in here, for one call of the operating system. `name` is one name (`namesOf`). */
  at(name: string): string {
    return `${this.prefix}/${name}`;
  }

  /** The directory itself, for reading it. */
  get self(): string {
    return this.prefix;
  }

  /** What stands under a name. Throws `FileError`, `no-entry` too. */
  async look(name: string): Promise<Entry> {
    try {
      if (!LINUX) {
        const info = await lstat(this.at(name), { bigint: true });
        return { kind: kindOf(info), info, handle: null, name };
      }
      const handle = await open(this.at(name), O_PATH | O_NOFOLLOW);
      try {
        const info = await handle.stat({ bigint: true });
        return { kind: kindOf(info), info, handle, name };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw fileError(error);
    }
  }

  /** Goes into what `look` found here. The entry is used up. */
  async enter(entry: Entry): Promise<Directory> {
    if (entry.kind !== "directory") {
      await entry.handle?.close();
      throw new FileError(entry.kind === "symbolic-link" ? "loop" : "not-directory", "not a directory");
    }
    if (entry.handle) return Directory.of(entry.handle, "", this, this.closed);
    const path = this.at(entry.name);
    const handle = await open(path, O_RDONLY | O_DIRECTORY | (O_NOFOLLOW_ANY || O_NOFOLLOW)).catch((cause: unknown) => {
      throw fileError(cause);
    });
    return Directory.of(handle, path, this, this.closed);
  }

  /** Opens a regular file that `look` found here, for reading: that very file. */
  async read(entry: Entry): Promise<FileHandle> {
    if (entry.kind !== "regular-file") throw new FileError(notAFile(entry.kind), "not a regular file");
    try {
      if (entry.handle) return await open(`/proc/self/fd/${entry.handle.fd}`, O_RDONLY | O_NONBLOCK);
      const file = await open(this.at(entry.name), O_RDONLY | O_NONBLOCK | (O_NOFOLLOW_ANY || O_NOFOLLOW));
      if (identityOf(await file.stat({ bigint: true })) === identityOf(entry.info)) return file;
      await file.close();
      throw new FileError("io", "it was replaced");
    } catch (error) {
      throw fileError(error);
    }
  }

  /** The text of a link. */
  async link(name: string): Promise<Buffer> {
    return readlink(this.at(name), { encoding: "buffer" }).catch((cause: unknown) => {
      throw fileError(cause);
    });
  }

  /** Makes what was renamed, made and removed in here durable. */
  async sync(): Promise<void> {
    // A handle with O_PATH cannot be synced, and some file systems do not sync directories at all.
    const handle = await open(this.prefix, O_RDONLY | O_DIRECTORY).catch(() => null);
    await handle?.sync().catch(() => {});
    await handle?.close();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

export const notAFile = (kind: Kind) => (kind === "directory" ? "is-directory" : kind === "symbolic-link" ? "loop" : "access");

/** Goes down to the directory that holds the last of `names`, gives it to `work`, and lets go of everything. */
export async function within<T>(root: Directory, names: readonly string[], work: (parent: Directory) => Promise<T>): Promise<T> {
  let at = root;
  try {
    for (const name of names) {
      const next = await at.enter(await at.look(name));
      if (at !== root) await at.close();
      at = next;
    }
    return await work(at);
  } finally {
    if (at !== root) await at.close();
  }
}
