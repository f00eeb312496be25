/** The strongest rung: bubblewrap makes the namespaces and an empty root, and lays the filter of system calls around the process. */
import { libraryFolders } from "./libraries.js";
import { outermost, type Command, type Launch } from "./rung.js";
import { syscallFilter } from "./seccomp.js";

/** An id without rights anywhere ("nobody"): also where rlp itself runs as root. */
const NOBODY = "65534";

const ALONE = ["--unshare-all", "--die-with-parent", "--new-session"];
const POWERLESS = ["--cap-drop", "ALL", "--uid", NOBODY, "--gid", NOBODY];
/** The root itself is a tmpfs: nothing may be written into it either. */
const CLOSED = ["--remount-ro", "/", "--chdir", "/"];

/** File descriptor on which the filter comes. */
const FILTER_FD = 4;

export function bubblewrapped(bwrap: string, launch: Launch): Command {
  const filter = syscallFilter();
  return {
    file: bwrap,
    args: [
      ...ALONE,
      ...POWERLESS,
      ...libraryFolders().flatMap((path) => ["--ro-bind-try", path, path]),
      ...outermost([launch.node, ...launch.readable]).flatMap((path) => ["--ro-bind", path, path]),
      ...CLOSED,
      ...(filter ? ["--seccomp", String(FILTER_FD)] : []),
      "--",
      launch.node,
      ...launch.args,
    ],
    filter,
  };
}
