/** The second rung: `unshare` of util-linux makes the namespaces, and a few mounts the empty root. No filter of system calls. */
import { statSync } from "node:fs";
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

/**
 * Arguments: base, programs, folders and files to show (`d` or `f` before each), `--`, the command. Everything is mounted read-only, the
 * root last. `nosuid,nodev` are always given: the kernel refuses to drop them from mounts that have them.
 */
const SCRIPT = `set -e
base=$1 mount=$2 mkdir=$3 touch=$4 chroot=$5; shift 5
"$mount" -t tmpfs -o mode=755,nosuid,nodev,size=1m tmpfs "$base"
while [ "$1" != -- ]; do
  if [ "$1" = d ]; then "$mkdir" -p "$base$2"; else "$mkdir" -p "$base\${2%/*}"; "$touch" "$base$2"; fi
  "$mount" -o rbind,ro,nosuid,nodev "$2" "$base$2"
  shift 2
done
shift
"$mount" -o remount,ro,nosuid,nodev "$base"
exec "$chroot" "$base" "$@"`;

export function unshared(programs: Programs, launch: Launch): Command {
  const shown = outermost([...libraryFolders(), launch.node, programs.setpriv, ...launch.readable]);
  const free = BASES.filter((path) => isFolder(path) && !shown.some((one) => one === path || one.startsWith(`${path}/`)));
  const [base = "/mnt"] = free;
  return {
    file: programs.setpriv,
    args: [
      ...DIES_WITH_PARENT,
      programs.unshare,
      ...ALONE,
      programs.sh,
      "-c",
      SCRIPT,
      "sh",
      base,
      programs.mount,
      programs.mkdir,
      programs.touch,
      programs.chroot,
      ...shown.flatMap((path) => [isFolder(path) ? "d" : "f", path]),
      "--",
      programs.setpriv,
      ...POWERLESS,
      launch.node,
      ...launch.args,
    ],
    filter: null,
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
