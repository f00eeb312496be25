/** Where the loader of the system finds what a Node binary is linked with, and what the C library looks up before it takes memory. */
import { lstatSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

const USUAL = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];

/**
 * Whether the system gives large pages, and how large: two words for everybody to read. Without them the C library does not ask for any
 * (`LARGE_PAGES` in spawn.ts).
 */
const PAGES = ["enabled", "hpage_pmd_size"].map((name) => `/sys/kernel/mm/transparent_hugepage/${name}`);

let found: readonly string[] | undefined;

/** The usual ones that are there, and whatever else this very process (a Node, too) has loaded shared libraries from. */
export function libraryFolders(): readonly string[] {
  return (found ??= [...[...USUAL, ...PAGES].filter(exists), ...elsewhere()]);
}

function elsewhere(): readonly string[] {
  let maps: string;
  try {
    maps = readFileSync("/proc/self/maps", "utf8");
  } catch {
    return []; // without /proc there is nothing to learn; the usual folders may do
  }
  const folders = new Set<string>();
  for (const [, path] of maps.matchAll(/ (\/\S+\.so(?:\.[0-9.]+)?)$/gm)) if (path !== undefined) folders.add(dirname(path));
  return [...folders].filter((folder) => !USUAL.some((usual) => folder === usual || folder.startsWith(`${usual}/`)));
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
