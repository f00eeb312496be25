/**
 * Which directories may be granted at all. Whoever may write rlp's own files is no agent any more: its home (keys, ledger, policies,
 * installed agents), the folders that bundles are read from, and rlp itself are never inside of what an agent writes. The home is
 * not read either: it holds what other agents were told.
 */
import { lstat, realpath, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { PolicyError } from "../capability/policy.js";
import { identityOf, type Identity } from "./walk.js";

export interface OwnPlaces {
  /** Neither read nor written: the home, and where the knowledge base stands. */
  readonly secret: readonly string[];
  /** Not written: rlp's code, folders of bundles, the system's configuration. */
  readonly trusted: readonly string[];
}

export interface DirectoryGuard {
  /** Throws `PolicyError` (`POLICY_DIRECTORY`) for a directory that is never granted, or is not there. */
  check(directory: string, writable: boolean): Promise<void>;
  /** What is not entered, however one comes to it. */
  closed(): Promise<ReadonlySet<Identity>>;
}

export function directoryGuard(places: () => OwnPlaces): DirectoryGuard {
  return {
    async check(directory, writable) {
      const { secret, trusted } = places();
      const real = await realpath(directory).catch((cause: NodeJS.ErrnoException) => {
        throw refused(directory, cause.code === "ENOENT" ? "there is no such directory" : `cannot be used: ${cause.code}`, cause);
      });
      if (!(await stat(real)).isDirectory()) throw refused(directory, "is no directory");
      for (const own of await existing(secret)) {
        if (isWithin(real, own.real)) throw refused(directory, `lies in ${own.named}, which is rlp's own`);
        if (writable && isWithin(own.real, real)) throw refused(directory, `holds ${own.named}, which is rlp's own`);
      }
      // Its steps begin without following anything, so that nobody can put another in its place.
      if ((await lstat(directory)).isSymbolicLink()) throw refused(directory, `is a link: name ${real} instead`);
      if (!writable) return;
      for (const own of await existing(trusted)) {
        if (isWithin(real, own.real)) throw refused(directory, `lies in ${own.named}, from where rlp runs what it finds`);
        if (isWithin(own.real, real)) throw refused(directory, `holds ${own.named}, from where rlp runs what it finds`);
      }
      if (dirname(real) === real) throw refused(directory, "is the whole machine");
    },
    async closed() {
      const { secret } = places();
      const found = await Promise.all(
        secret.map(async (path) => {
          const info = await stat(path, { bigint: true }).catch(() => null);
          return info?.isDirectory() ? [identityOf(info)] : [];
        }),
      );
      return new Set(found.flat());
    },
  };
}

/** Those that are there, links resolved. A place that is not there yet counts by what of it there is. */
async function existing(paths: readonly string[]): Promise<readonly { readonly named: string; readonly real: string }[]> {
  return Promise.all(paths.map(async (named) => ({ named, real: await realOf(resolve(named)) })));
}

async function realOf(path: string): Promise<string> {
  const real = await realpath(path).catch(() => null);
  if (real !== null) return real;
  const parent = dirname(path);
  return parent === path ? path : resolve(await realOf(parent), path.slice(parent.length).replace(/^[\\/]+/, ""));
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

function refused(directory: string, what: string, cause?: unknown): PolicyError {
  return new PolicyError("POLICY_DIRECTORY", `the granted directory ${directory} ${what}`, {
    place: { at: directory },
    hint: "grant a directory that holds nothing but what the agent is to work on",
    ...(cause !== undefined && { cause }),
  });
}
