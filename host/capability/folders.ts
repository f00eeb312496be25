/**
 * Granted folders are compared as text, and a name inside a folder can lead out of it by a link. Where a layer left a folder because
 * it lies in another one, it must really lie there: else the narrower grant would reach what the wider one does not.
 */
import { realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import type { Grant } from "#openings/agent.js";

/** `grant` without folders that lie in one of `outer` by their names only. */
export function reallyWithin(grant: Grant, outer: Grant): Grant {
  const read = [...outer.fs_ro, ...outer.fs_rw];
  const fs_ro = grant.fs_ro.filter((path) => isReallyIn(path, read));
  const fs_rw = grant.fs_rw.filter((path) => isReallyIn(path, outer.fs_rw));
  return fs_ro.length === grant.fs_ro.length && fs_rw.length === grant.fs_rw.length ? grant : { ...grant, fs_ro, fs_rw };
}

function isReallyIn(path: string, folders: readonly string[]): boolean {
  if (folders.includes(path)) return true;
  const real = realOf(path);
  return folders.some((folder) => isWithin(path, folder) && isWithin(real, realOf(folder)));
}

/** Links resolved, of as much of it as there is. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : resolve(realOf(parent), path.slice(parent.length).replace(/^[\\/]+/, ""));
  }
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
