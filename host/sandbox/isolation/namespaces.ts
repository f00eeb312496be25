/** The second rung: `unshare` of util-linux makes the namespaces, and a few mounts the empty root. No filter of system calls. */
import { dirname } from "node:path";
import { isFolder } from "#core/folder.js";
import { libraryFolders } from "./libraries.js";
import { program } from "./programs.js";
import { outermost, type Command, type Launch } from "./rung.js";

/** Programs that this rung is made of, by name. */
export const PROGRAMS = ["unshare", "setpriv", "sh", "mount", "mkdir", "touch", "chroot"] as const;
export type Programs = Readonly<Record<(typeof PROGRAMS)[number], string>>;

export function namespacePrograms(folders: readonly string[]): Programs | { readonly absent: string } {
  const found: Record<string, string> = {};
  for (const name of PROGRAMS) {
    const path = program(name, folders);
    if (path === null) return { absent: name };
    found[name] = path;
  }
  return found as Programs;
}

/** The new root is put together on the first of these that does not lie above what must stay in sight; in its own mount namespace. */
const BASES = ["/mnt", "/media", "/srv", "/opt", "/run", "/var/tmp", "/tmp"];

/** When the control process is gone so is `unshare`, and with it the first process of the pid namespace. */
const DIES_WITH_PARENT = ["--pdeathsig", "KILL"];
const ALONE = ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child"];
const POWERLESS = ["--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all"];

export function unshared(programs: Programs, launch: Launch): Command {
  const shown = outermost([...libraryFolders(), launch.node, programs.setpriv, ...launch.readable]);
  const free = BASES.filter((path) => isFolder(path) && !shown.some((one) => one === path || one.startsWith(`${path}/`)));
  const [base = "/mnt"] = free;
  const inner = [programs.chroot, base, programs.setpriv, ...POWERLESS, launch.node, ...launch.args];
  return {
    file: programs.setpriv,
    args: [...DIES_WITH_PARENT, programs.unshare, ...ALONE, programs.sh, "-c", script(programs, base, shown), "sh", ...inner],
    filter: null,
  };
}

/**
 * Puts the root together and becomes its arguments. Everything is mounted read-only, the root last. `nosuid,nodev` are always given:
 * the kernel refuses to drop them from mounts that have them; and the root is remounted as a mount, not as a file system, whose
 * options name users that are not in this namespace.
 */
function script({ mount, mkdir, touch }: Programs, base: string, shown: readonly string[]): string {
  const folders = shown.filter(isFolder);
  const files = shown.filter((path) => !isFolder(path));
  const inBase = (paths: readonly string[]): string => paths.map((path) => quoted(base + path)).join(" ");
  return [
    "set -e",
    `${quoted(mount)} -t tmpfs -o mode=755,nosuid,nodev,size=1m tmpfs ${quoted(base)}`,
    `${quoted(mkdir)} -p ${inBase([...folders, ...files.map((path) => dirname(path))])}`,
    `${quoted(touch)} ${inBase(files)}`,
    ...shown.map((path) => `${quoted(mount)} -o rbind,ro,nosuid,nodev ${quoted(path)} ${quoted(base + path)}`),
    `${quoted(mount)} -o remount,bind,ro,nosuid,nodev ${quoted(base)}`,
    'exec "$@"',
  ].join("\n");
}

/** A word of the shell, whatever is in it. The paths are our own installation's and the system's. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
