/**
 * Files for programs of the world `command`, by WASI preview 1: those of the directories that `fs_ro` and `fs_rw` of the policy name,
 * under their own absolute paths. What is written is seen at once, and becomes part of the directories when the program has succeeded.
 */
import { decodeUtf8 } from "./utf8";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_get")
declare function prestatGet(descriptor: u32, into: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_dir_name")
declare function prestatName(descriptor: u32, into: usize, length: u32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
declare function pathOpen(
  directory: u32, lookup: u32, path: usize, length: u32, how: u32, rights: u64, inherited: u64, flags: u32, into: usize,
): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fdRead(descriptor: u32, vectors: usize, count: u32, read: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fdWrite(descriptor: u32, vectors: usize, count: u32, written: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_readdir")
declare function fdReaddir(descriptor: u32, into: usize, length: u32, cookie: u64, used: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_close")
declare function fdClose(descriptor: u32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_create_directory")
declare function pathCreateDirectory(directory: u32, path: usize, length: u32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_unlink_file")
declare function pathUnlinkFile(directory: u32, path: usize, length: u32): u32;

const FOLLOW_LINKS: u32 = 1;
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const TRUNCATE: u32 = 8;
const MAY_READ: u64 = 1 << 1;
const MAY_WRITE: u64 = 1 << 6;
const MAY_LIST: u64 = 1 << 14;
/** `errno`: 0 is success; these two are ours, for a path that no granted directory holds, and for text that is none. */
const NOT_CAPABLE: u32 = 76;
/** The first descriptor that can be a directory; 0 to 2 are the standard streams. */
const FIRST: u32 = 3;
/** A `dirent`: cookie, inode, length of the name, type. */
const ENTRY: usize = 24;
const IS_DIRECTORY: u8 = 3;
const CHUNK = 65536;

/** Room for what a call gives back. A function: it may be needed before any global is there. */
function area(): usize {
  return memory.data(32, 8);
}

export class DirectoryEntry {
  constructor(
    readonly name: string,
    readonly isDirectory: bool,
  ) {}
}

export namespace files {
  /** WASI's `errno` of the last call; 0 where it succeeded: 44 no such file, 63 not permitted, 69 read-only, 76 not granted. */
  export let errno: u32 = 0;

  /** The text of a file; null where it cannot be read (`files.errno` says why). What is no UTF-8 becomes U+FFFD. */
  export function read(path: string): string | null {
    const file = open(path, 0, MAY_READ);
    if (file < 0) return null;
    let bytes = new Uint8Array(CHUNK);
    let filled = 0;
    while (true) {
      if (filled == bytes.length) {
        const larger = new Uint8Array(bytes.length * 2);
        larger.set(bytes);
        bytes = larger;
      }
      store<usize>(area(), bytes.dataStart + filled);
      store<u32>(area(), bytes.length - filled, 4);
      errno = fdRead(file, area(), 1, area() + 8);
      const got = <i32>load<u32>(area(), 8);
      if (errno != 0 || got == 0) break;
      filled += got;
    }
    fdClose(file);
    return errno == 0 ? decodeUtf8(bytes.subarray(0, filled)) : null;
  }

  /** Writes a file anew; false where that is refused (`files.errno` says why). */
  export function write(path: string, text: string): bool {
    const file = open(path, CREATE | TRUNCATE, MAY_WRITE);
    if (file < 0) return false;
    const bytes = String.UTF8.encode(text);
    let at: usize = 0;
    while (at < <usize>bytes.byteLength) {
      store<usize>(area(), changetype<usize>(bytes) + at);
      store<u32>(area(), <u32>(bytes.byteLength - at), 4);
      errno = fdWrite(file, area(), 1, area() + 8);
      if (errno != 0) break;
      at += load<u32>(area(), 8);
    }
    fdClose(file);
    return errno == 0;
  }

  /** What a directory holds, sorted by the names' bytes; null where it cannot be read. */
  export function list(path: string): DirectoryEntry[] | null {
    const directory = open(path, DIRECTORY, MAY_READ | MAY_LIST);
    if (directory < 0) return null;
    const found: DirectoryEntry[] = [];
    const buffer = new Uint8Array(CHUNK);
    let cookie: u64 = 0;
    while (true) {
      errno = fdReaddir(directory, buffer.dataStart, buffer.length, cookie, area());
      if (errno != 0) break;
      const used = <usize>load<u32>(area());
      let at: usize = 0;
      while (at + ENTRY <= used) {
        const start = buffer.dataStart + at;
        const length = <usize>load<u32>(start, 16);
        if (at + ENTRY + length > used) break;
        const name = String.UTF8.decodeUnsafe(start + ENTRY, length);
        if (name != "." && name != "..") found.push(new DirectoryEntry(name, load<u8>(start, 20) == IS_DIRECTORY));
        cookie = load<u64>(start);
        at += ENTRY + length;
      }
      if (at == 0 || used < <usize>buffer.length) break;
    }
    fdClose(directory);
    return errno == 0 ? found : null;
  }

  export function makeDirectory(path: string): bool {
    const base = baseOf(path);
    if (base < 0) return false;
    const below = String.UTF8.encode(rest);
    errno = pathCreateDirectory(base, changetype<usize>(below), below.byteLength);
    return errno == 0;
  }

  export function remove(path: string): bool {
    const base = baseOf(path);
    if (base < 0) return false;
    const below = String.UTF8.encode(rest);
    errno = pathUnlinkFile(base, changetype<usize>(below), below.byteLength);
    return errno == 0;
  }
}

/** Of the path that `baseOf` was asked for: what is left of it below the directory. */
let rest: string = "";

/** The open directory that holds an absolute path, the lowest one; −1 where none does. */
function baseOf(path: string): i32 {
  let found = -1;
  let longest = -1;
  for (let descriptor = FIRST; prestatGet(descriptor, area()) == 0; descriptor++) {
    const length = load<u32>(area(), 4);
    const bytes = new Uint8Array(length);
    if (prestatName(descriptor, bytes.dataStart, length) != 0) continue;
    const name = decodeUtf8(bytes);
    if (name.length <= longest || !(path == name || path.startsWith(name.endsWith("/") ? name : name + "/"))) continue;
    found = <i32>descriptor;
    longest = name.length;
    rest = path == name ? "." : path.substring(name.endsWith("/") ? name.length : name.length + 1);
  }
  if (found < 0) files.errno = NOT_CAPABLE;
  return found;
}

/** A descriptor; −1 where it is refused. */
function open(path: string, how: u32, rights: u64): i32 {
  const base = baseOf(path);
  if (base < 0) return -1;
  const below = String.UTF8.encode(rest);
  files.errno = pathOpen(base, FOLLOW_LINKS, changetype<usize>(below), below.byteLength, how, rights, 0, 0, area());
  return files.errno == 0 ? <i32>load<u32>(area()) : -1;
}
