/** Folders: whether they are there, and made with their parents. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes the folder, and what is missing above it; whether it was missing. Throws what the system says.
 *
 * One by one: Node's own `recursive` never ends on a file system that answers ENOENT for a folder whose parent is there (`/proc`).
 */
export function makeFolder(path: string, mode = 0o700): boolean {
  const missing: string[] = [];
  for (let at = path; !isFolder(at); at = dirname(at)) {
    missing.push(at);
    if (dirname(at) === at) break;
  }
  for (const each of missing.reverse()) {
    try {
      mkdirSync(each, { mode });
    } catch (error) {
      // Somebody else was quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !isFolder(each)) throw error;
    }
  }
  return missing.length > 0;
}

/** Whether a folder is there; a link to one counts. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
