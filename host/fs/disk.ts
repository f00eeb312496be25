/** The few things that a commit does to a disk. Each may be done again: what is done already is no error. */
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { fileError } from "./error.js";
import type { Directory } from "./walk.js";

export interface Disk {
  /** Writes a file anew and syncs it. `mode`: its permissions; null: as the process makes files. */
  write(directory: Directory, name: string, pieces: readonly (() => Uint8Array)[], mode: number | null): Promise<void>;
  rename(from: Directory, name: string, to: Directory, newName: string): Promise<void>;
  unlink(directory: Directory, name: string): Promise<void>;
  rmdir(directory: Directory, name: string): Promise<void>;
  mkdir(directory: Directory, name: string): Promise<void>;
  sync(directory: Directory): Promise<void>;
  names(directory: Directory): Promise<readonly string[]>;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_WRONLY } = constants;

/** Throws `FileError`. */
export const realDisk: Disk = {
  async write(directory, name, pieces, mode) {
    await this.unlink(directory, name);
    try {
      const file = await open(directory.at(name), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o666);
      try {
        if (mode !== null) await file.chmod(mode);
        for (const piece of pieces) await file.writeFile(piece());
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(error);
    }
  },
  async rename(from, name, to, newName) {
    await done(rename(from.at(name), to.at(newName)));
  },
  async unlink(directory, name) {
    await done(unlink(directory.at(name)), "ENOENT");
  },
  async rmdir(directory, name) {
    await done(rmdir(directory.at(name)), "ENOENT");
  },
  async mkdir(directory, name) {
    await done(mkdir(directory.at(name)), "EEXIST");
  },
  async sync(directory) {
    await directory.sync();
  },
  async names(directory) {
    return done(readdir(directory.self));
  },
};

async function done<T>(work: Promise<T>, except?: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === except) return undefined as T;
    throw fileError(error);
  }
}
