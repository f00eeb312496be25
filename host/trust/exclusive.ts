/** One process at a time over a file that is read, changed and put back: two that came at once would lose one another's change. */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import { TrustError } from "./error.js";

/** What is done under the lock takes milliseconds. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

export function exclusively<T>(file: string, work: () => T): T {
  const lock = `${file}.lock`;
  const own = `${lock}.${randomUUID()}`;
  writeFileSync(own, String(process.pid), { mode: 0o600, flag: "wx" });
  try {
    for (let waited = 0; !taken(own, lock); waited += PAUSE_MS) {
      if (waited > PATIENCE_MS)
        throw new TrustError("TRUST_FILE", "another process keeps it locked", {
          place: { file: lock },
          hint: "wait for that process, or delete the file where none is at it",
        });
      breakDead(lock);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
    try {
      return work();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A link is made whole or not at all: nobody sees a lock without its owner in it. */
function taken(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function breakDead(lock: string): void {
  const holder = read(lock);
  if (holder === null || isAlive(Number(holder))) return;
  // Of several that saw the same dead holder one moves its lock away; a lock that was made since then is put back.
  const grave = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, grave);
    if (read(grave) !== holder) linkSync(grave, lock);
  } catch {
    // Another process was faster.
  } finally {
    rmSync(grave, { force: true });
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** In the place of what is there, in one step; on the disk when this returns. */
export function replaceDurably(file: string, content: string): void {
  const draft = `${file}.${randomUUID()}`;
  try {
    writeFileSync(draft, content, { mode: 0o600, flush: true, flag: "wx" });
    renameSync(draft, file);
    syncFolder(dirname(file));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A name that was added or taken away stays so after a power loss. Windows opens no folders. */
function syncFolder(dir: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(dir, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
