/** Finds the strongest cage that this machine really gives, by trying. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { bubblewrapped } from "./bubblewrap.js";
import { limited } from "./limits.js";
import { namespacePrograms, unshared } from "./namespaces.js";
import { program, SYSTEM_FOLDERS } from "./programs.js";
import { syscallFilter } from "./seccomp.js";
import { IsolationError, type Command, type Floor, type Isolation, type Launch, type Missing, type Rung } from "./rung.js";

export interface LadderOptions {
  /** Where the programs are looked for; tests hide them with it. Default: the system's own folders. */
  readonly folders?: readonly string[];
  readonly platform?: NodeJS.Platform;
  readonly node?: string;
}

/** Far more than a trial takes (20 ms): a machine under load must not end up with a weaker cage. */
const TRIAL_MS = 10_000;

const TRIAL_BYTES = 1 << 30;

const INSTALL = "install bubblewrap (Debian, Ubuntu: `apt-get install bubblewrap`; Fedora: `dnf install bubblewrap`)";
const ALLOW =
  "allow unprivileged user namespaces: `sysctl user.max_user_namespaces`, on Ubuntu also `kernel.apparmor_restrict_unprivileged_userns`; in a container, its seccomp profile";

const known = new Map<Floor, Promise<Isolation>>();

/** What stands around guests on this machine, found once a process. Throws `IsolationError` when it is less than `floor`. */
export function isolation(floor: Floor = "strongest"): Promise<Isolation> {
  const found = known.get(floor) ?? climb(floor);
  found.catch(() => {}); // whoever starts something meets it
  known.set(floor, found);
  return found;
}

/**
 * The cage that is tried first, before that has shown whether the machine gives it: to start something in it that may be thrown away
 * again. Null where no other is tried than the permission model, which need not be tried.
 */
export function presumed(floor: Floor, options: LadderOptions = {}): Isolation | null {
  const { folders = SYSTEM_FOLDERS, platform = process.platform } = options;
  if (platform !== "linux" || floor === "reduced") return null;
  for (const rung of STRONGER) {
    const cage = RUNGS[rung](folders);
    if ("wrap" in cage) return built(rung, [...cage.parts], cage.wrap, program("prlimit", folders), [], null);
  }
  return null;
}

/** As {@link isolation}, tried anew. */
export async function climb(floor: Floor, options: LadderOptions = {}): Promise<Isolation> {
  const { folders = SYSTEM_FOLDERS, platform = process.platform, node = process.execPath } = options;
  const limiter = platform === "linux" ? program("prlimit", folders) : null;
  const missing: Missing[] = [];
  if (floor !== "reduced")
    for (const rung of STRONGER) {
      const cage = platform === "linux" ? RUNGS[rung](folders) : lacking(`${platform} has no namespaces`, "run rlp on Linux");
      const why = "why" in cage ? cage : await trial(cage.wrap, limiter, node);
      if (why === null && "wrap" in cage)
        return built(rung, [...cage.parts], cage.wrap, limiter, missing, lacksOf(cage.parts, limiter, missing));
      missing.push({ rung, ...(why ?? lacking("unknown", INSTALL)) });
      if (rung === floor) throw unavailable(rung, missing);
    }
  const lacks = missing[0] ?? lacking("`runtime.isolation: reduced` is set", "take it out of the configuration");
  return built("permission", [], plain, limiter, missing, lacks);
}

type Wrap = (launch: Launch) => Command;
type Cage = { readonly parts: readonly string[]; readonly wrap: Wrap };
type Lack = Omit<Missing, "rung">;

const lacking = (why: string, mend: string): Lack => ({ why, mend });
const plain: Wrap = ({ node, args }) => ({ file: node, args, filter: null });

const STRONGER = ["bubblewrap", "namespaces"] as const;

const RUNGS: Readonly<Record<(typeof STRONGER)[number], (folders: readonly string[]) => Cage | Lack>> = {
  bubblewrap(folders) {
    const bwrap = program("bwrap", folders);
    if (bwrap === null) return lacking("bubblewrap is not installed", INSTALL);
    return {
      parts: syscallFilter() ? ["bubblewrap", "seccomp"] : ["bubblewrap"],
      wrap: (launch) => bubblewrapped(bwrap, launch),
    };
  },
  namespaces(folders) {
    const programs = namespacePrograms(folders);
    if ("absent" in programs) return lacking(`\`${programs.absent}\` is not installed`, "install util-linux");
    return { parts: ["namespaces"], wrap: (launch) => unshared(programs, launch) };
  },
};

/** The full cage: namespaces with an empty root, the filter of system calls, limits of the kernel (`docs/threat-model.md`, 2). */
function lacksOf(parts: readonly string[], limiter: string | null, missing: readonly Missing[]): Lack | null {
  if (missing[0]) return missing[0];
  if (!parts.includes("seccomp"))
    return lacking(`there is no filter of system calls for ${process.arch}`, "run rlp on x86-64 or arm64");
  return limiter === null ? lacking("`prlimit` is not installed", "install util-linux") : null;
}

function built(
  rung: Rung,
  parts: readonly string[],
  wrap: Wrap,
  limiter: string | null,
  missing: readonly Missing[],
  lacks: Lack | null,
): Isolation {
  const name = [...parts, ...(limiter === null ? [] : ["limits"]), "permission"].join("+");
  return { rung, name, missing, lacks: lacks && { why: lacks.why, mend: lacks.mend }, wrap: withLimits(wrap, limiter) };
}

function withLimits(wrap: Wrap, limiter: string | null): Wrap {
  return limiter === null ? wrap : (launch) => limited(limiter, launch.memoryBytes, wrap(launch));
}

/** Starts this very Node in the cage, which shows that it finds its libraries there, too. Null when that went well. */
function trial(wrap: Wrap, limiter: string | null, node: string): Promise<Lack | null> {
  const launch = { node, args: ["--version"], readable: [], memoryBytes: TRIAL_BYTES };
  const { file, args, filter } = withLimits(wrap, limiter)(launch);
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env: {},
      stdio: ["ignore", "pipe", "pipe", "ignore", filter ? "pipe" : "ignore"],
      // In a group of its own the terminal's Ctrl-C does not reach it: an interrupted trial would look like a cage that does not work.
      detached: true,
    });
    const timer = setTimeout(() => {
      endGroup(child);
      resolve(lacking(`it did not start within ${TRIAL_MS} ms`, ALLOW));
    }, TRIAL_MS);
    let said = "";
    let complaint = "";
    child.stdout?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-200)));
    child.stderr?.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 500)));
    writeFilter(child, filter);
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(lacking(error.message, INSTALL));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 && said.startsWith("v")) return resolve(null);
      resolve(lacking(complaint.trim().split("\n")[0] || `it ended with ${signal ?? `status ${code}`}`, ALLOW));
    });
  });
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

/** A cage that has none, or that does not wait for its filter, closes the pipe early: what is wrong shows in how it ends. */
export function writeFilter(child: ChildProcess, filter: Uint8Array | null): void {
  const pipe = child.stdio[4] as Socket | null | undefined;
  pipe?.on("error", () => {});
  pipe?.resume();
  pipe?.end(filter ?? new Uint8Array());
}

function unavailable(rung: Rung, missing: readonly Missing[]): IsolationError {
  const why = missing.map((one) => `${one.rung}: ${one.why}`).join("; ");
  return new IsolationError(
    "ISOLATION_UNAVAILABLE",
    `the configuration demands \`runtime.isolation: ${rung}\`, and this machine does not give it (${why})`,
    {
      hint: `${missing.map((one) => one.mend).join(", or ")}; \`strongest\` takes what there is`,
    },
  );
}
