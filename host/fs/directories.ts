/** The directories of a grant as a guest gets them. */
import type { Grant } from "#openings/agent.js";
import type { GrantedDirectories } from "../component/contract.js";

/** Sorted; one that is granted for reading and for writing is for writing. */
export function granted(grant: Grant): GrantedDirectories {
  const paths = [...new Set([...grant.fs_ro, ...grant.fs_rw])].sort();
  return paths.map((path) => ({ path, writable: grant.fs_rw.includes(path) }));
}
