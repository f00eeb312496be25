// One set-up at a time in one folder, however many are started at once.
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";

/** A holder touches its lock this often (ms); one that has not for `SILENCE` is taken for dead, even where its pid means nothing to us (another container). */
const HEARTBEAT = 2_000;
const SILENCE = 60_000;
const POLL = 100;

/**
 * Runs `work` while holding `file`. Waits for a living holder (calls `waiting(pid)` once) and takes over from a dead one.
 * `work` gets a function to name processes that work for it: while one of them lives, the lock does, whatever became of us.
 * A lock is made by linking a written file into place, so it is never seen half-written.
 */
export async function locked(file, waiting, work) {
  const token = `${process.pid}-${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  let told = false;
  while (!acquire(file, `${token} ${process.pid}`)) {
    const holder = read(file);
    if (holder === undefined) continue;
    if (dead(file, holder)) {
      takeOver(file, holder);
      continue;
    }
    if (!told) waiting(holder.split(" ")[1]);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  const ours = () => (read(file) || "").startsWith(`${token} `);
  const release = () => {
    if (ours()) remove(file);
  };
  const beat = setInterval(() => touch(file), HEARTBEAT);
  process.once("exit", release);
  try {
    return await work((pid) => {
      if (ours()) writeFileSync(file, `${token} ${process.pid} ${pid}`);
    });
  } finally {
    clearInterval(beat);
    process.removeListener("exit", release);
    release();
  }
}

function acquire(file, content) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, content);
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    // File systems without hard links: creating exclusively is as good, save for a moment in which the file is empty.
    try {
      writeFileSync(file, content, { flag: "wx" });
      return true;
    } catch (second) {
      if (second.code === "EEXIST") return false;
      throw second;
    }
  } finally {
    remove(own);
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function dead(file, holder) {
  try {
    if (Date.now() - statSync(file).mtimeMs > SILENCE) return true;
  } catch {
    return false;
  }
  const pids = holder.split(" ").slice(1).map(Number).filter(Boolean);
  return pids.length > 0 && pids.every(gone);
}

function gone(pid) {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

/**
 * Several may see the same dead holder. Renaming to a name made of its token can succeed for one only, and what is moved is looked
 * at again: a lock that a third process made in between is put back.
 */
function takeOver(file, holder) {
  const grave = `${file}.dead-${holder.replace(/\W/g, "-")}`;
  try {
    renameSync(file, grave);
    if (read(grave) !== holder) linkSync(grave, file);
  } catch {
    // somebody else was faster
  }
  remove(grave);
}

function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // released
  }
}

function remove(file) {
  try {
    unlinkSync(file);
  } catch {
    // already gone
  }
}
