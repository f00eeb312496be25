/**
 * Who may drive a run. One process at a time holds a run's lease; that of a dead process is taken over at once where we can see
 * that it is dead, and after {@link EXPIRY_MS} without a heartbeat where we cannot (another machine or container).
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import type { LeaseAnswer, LeaseRequest } from "./messages.js";

export const BEAT_MS = 10_000;
export const EXPIRY_MS = 60_000;

interface LeaseColumns {
  readonly token: string;
  readonly owner: string;
  readonly pid: number;
  readonly started: string;
  readonly place: string;
  readonly since_ms: number;
  readonly beat_ms: number;
}

/** Names the space in which a pid means something: this boot of this machine, this pid namespace. */
function processSpace(): string {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Start time of a process in clock ticks since boot: field 22 of /proc/<pid>/stat (proc(5)); empty where there is no /proc. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Field 2 is the program's name in parentheses, which may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isAlive(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = startTime(pid);
  return started === "" || now === "" || now === started;
}

const HOLDER = "SELECT token, owner, pid, started, place, since_ms, beat_ms FROM leases WHERE trace_id = ?";

/** Whether the holder of a lease is there: where its pid means something to us by looking, elsewhere by its heartbeats. */
function isHeld(holder: LeaseColumns, here: string, nowMs: number): boolean {
  return holder.place === here ? isAlive(holder.pid, holder.started) : nowMs - holder.beat_ms < EXPIRY_MS;
}

/** Gives the function that says whether somebody drives a run. It only looks. */
export function leaseReader(db: Db): (traceId: string, nowMs: number) => boolean {
  const read = db.prepare<[string], LeaseColumns>(HOLDER);
  const here = processSpace();
  return (traceId, nowMs) => {
    const holder = read.get(traceId);
    return holder !== undefined && isHeld(holder, here, nowMs);
  };
}

/** Gives the function that answers lease requests, each in a transaction of its own. */
export function leaseKeeper(db: Db): (request: LeaseRequest) => LeaseAnswer {
  const read = db.prepare<[string], LeaseColumns>(HOLDER);
  const write = db.prepare("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const beat = db.prepare("UPDATE leases SET beat_ms = ? WHERE trace_id = ? AND token = ?");
  const release = db.prepare("DELETE FROM leases WHERE trace_id = ? AND token = ?");
  const here = processSpace();

  function acquire(request: LeaseRequest): LeaseAnswer {
    const holder = read.get(request.traceId);
    if (holder && isHeld(holder, here, request.nowMs)) {
      const since = new Date(holder.since_ms).toISOString();
      throw new KbError(
        "KB_LEASED",
        `${request.traceId} is being driven by ${holder.owner} (process ${holder.pid}, since ${since})`,
        {
          hint: "wait for it to end, or stop that process; then try again",
        },
      );
    }
    write.run(
      request.traceId,
      request.token,
      request.owner,
      request.pid,
      startTime(request.pid),
      here,
      request.nowMs,
      request.nowMs,
    );
    return { held: true };
  }

  return db.transaction((request: LeaseRequest): LeaseAnswer => {
    if (request.action === "acquire") return acquire(request);
    if (request.action === "beat") return { held: beat.run(request.nowMs, request.traceId, request.token).changes === 1 };
    return { held: release.run(request.traceId, request.token).changes === 1 };
  }).immediate;
}
