/** A bundle's files from a folder, a tar archive or a gzipped one: all in memory, nothing followed, nothing run. */
import { constants } from "node:fs";
import { lstat, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { UsageError } from "#core/errors.js";
import { Entries, installLimits } from "./entries.js";
import { InstallError } from "./error.js";
import { readTar } from "./tar.js";

/** A megabyte of zeros is a kilobyte of gzip: what unfolds further than this is no bundle. */
const MOST_RATIO = 100;
const RATIO_FREE = 1 << 20;

export async function readEntries(from: string): Promise<Entries> {
  const status = await stat(from).catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError("USAGE_NOT_FOUND", cause.code === "ENOENT" ? "there is no such bundle or archive" : String(cause.code), {
      place: { file: from },
      cause,
    });
  });
  if (status.isDirectory()) {
    const entries = new Entries(from);
    await walk(from, "", entries);
    return entries;
  }
  const packed = await readWhole(from, installLimits.bytes, from);
  return readTar(packed[0] === 0x1f && packed[1] === 0x8b ? await unpack(packed, from) : packed, from);
}

async function unpack(packed: Uint8Array, file: string): Promise<Uint8Array> {
  // Headers and padding of all entries come on top of the files.
  const whole = installLimits.bytes + installLimits.entries * 2048;
  const maxOutputLength = Math.min(whole, packed.length * MOST_RATIO + RATIO_FREE);
  try {
    const { buffer, engine } = (await promisify(gunzip)(packed, { maxOutputLength, info: true })) as unknown as Unpacked;
    if (engine.bytesWritten === packed.length) return buffer;
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new InstallError(
      tooLarge ? "INSTALL_TOO_LARGE" : "INSTALL_MALFORMED",
      tooLarge
        ? `it unfolds to more than ${maxOutputLength} bytes`
        : `it cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
      { place: { file }, cause },
    );
  }
  throw new InstallError("INSTALL_MALFORMED", "something follows the end of what is packed", { place: { file } });
}

/** What `info` makes of it (Node's documentation of `zlib`), which its types leave out. */
interface Unpacked {
  readonly buffer: Buffer;
  /** `bytesWritten`: how much of the input was used. */
  readonly engine: { readonly bytesWritten: number };
}

/** Names that begin with a dot and `node_modules` are an author's own business and stay where they are. */
async function walk(root: string, inside: string, entries: Entries): Promise<void> {
  for (const name of (await readdir(join(root, inside))).sort()) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = inside === "" ? name : `${inside}/${name}`;
    const status = await lstat(join(root, path));
    if (status.isDirectory()) {
      entries.folder(path);
      await walk(root, path, entries);
    } else if (status.isFile()) entries.file(path, await readWhole(join(root, path), installLimits.fileBytes, root));
    else throw entries.refusal("INSTALL_UNSAFE", `\`${path}\` is ${status.isSymbolicLink() ? "a link" : "no regular file"}`);
  }
}

/** A regular file that is reached through no link at its end, whole. */
async function readWhole(file: string, most: number, place: string): Promise<Uint8Array> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new InstallError(
        cause.code === "ELOOP" ? "INSTALL_UNSAFE" : "INSTALL_MALFORMED",
        cause.code === "ELOOP" ? "it is a link" : `it cannot be read: ${cause.code ?? cause.message}`,
        { place: { file }, cause },
      );
    },
  );
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new InstallError("INSTALL_MALFORMED", "it is not a regular file", { place: { file } });
    if (status.size > most)
      throw new InstallError("INSTALL_TOO_LARGE", `it has ${status.size} bytes, where ${most} are the limit`, {
        place: { file: place },
      });
    const bytes = new Uint8Array(status.size);
    const { bytesRead } = await handle.read(bytes, 0, status.size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
