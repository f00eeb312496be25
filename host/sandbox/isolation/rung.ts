/** What stands around a process that holds guests, from the strongest to the weakest. */
import { RlpError } from "#core/errors.js";

/**
 * `bubblewrap`: an empty root of its own, no network, no other process in sight, no capability, a filter of system calls.
 * `namespaces`: the same by `unshare`, without the filter. `permission`: Node's permission model alone, which stands in all three.
 */
export type Rung = "bubblewrap" | "namespaces" | "permission";

/** What a configuration may ask for: the best there is, no less than a rung, or the permission model alone. */
export type Floor = "strongest" | "bubblewrap" | "namespaces" | "reduced";

/** A program as it would be started without a cage. */
export interface Launch {
  readonly node: string;
  readonly args: readonly string[];
  /** Files and folders that it may read, absolute. Nothing else of the file system is in its root where the rung makes one. */
  readonly readable: readonly string[];
  /** Writable private memory, in bytes: more than that is refused by the kernel. */
  readonly memoryBytes: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** To be written to file descriptor 4, then closed: the filter of system calls. */
  readonly filter: Uint8Array | null;
}

export interface Isolation {
  readonly rung: Rung;
  /** As a run records it: what stands, from the outside in, such as `bubblewrap+seccomp+limits+permission`. */
  readonly name: string;
  /** Stronger rungs that could not be had. */
  readonly missing: readonly Missing[];
  /** What of the full cage is not there; null where all of it is. Agents that nobody vouches for need all of it. */
  readonly lacks: Omit<Missing, "rung"> | null;
  wrap(launch: Launch): Command;
}

export interface Missing {
  readonly rung: Rung;
  readonly why: string;
  readonly mend: string;
}

/** The configuration demands a rung that this machine does not have. Nothing was run. */
export class IsolationError extends RlpError<"ISOLATION_UNAVAILABLE"> {
  readonly family = "isolation";
}

/** Without what lies in another one of them: it is in sight already. */
export function outermost(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths)];
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
}
