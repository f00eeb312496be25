/** The rungs that this machine gives, each by hiding the programs of those above it. What it does not give is skipped, never passed. */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { climb } from "#host/sandbox/isolation/ladder.js";
import { PROGRAMS } from "#host/sandbox/isolation/namespaces.js";
import { SYSTEM_FOLDERS } from "#host/sandbox/isolation/programs.js";
import type { Isolation, Rung } from "#host/sandbox/isolation/rung.js";

/** A folder with these programs of the system and no others. */
export function only(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "rlp-programs-"));
  for (const name of names) {
    const found = SYSTEM_FOLDERS.map((dir) => join(dir, name)).find((path) => existsSync(path));
    if (found !== undefined) symlinkSync(found, join(folder, name));
  }
  return folder;
}

const HIDDEN: readonly (readonly [Rung, readonly string[]])[] = [
  ["bubblewrap", ["bwrap", "prlimit"]],
  ["namespaces", [...PROGRAMS, "prlimit"]],
  ["permission", ["prlimit"]],
];

const kept: string[] = [];
export const rungs: readonly { readonly rung: Rung; readonly isolation: Isolation | null }[] = await Promise.all(
  HIDDEN.map(async ([rung, names]) => {
    const folder = only(names);
    kept.push(folder);
    const found = await climb("strongest", { folders: [folder] });
    return { rung, isolation: found.rung === rung ? found : null };
  }),
);

export function forget(): void {
  for (const folder of kept) rmSync(folder, { recursive: true, force: true });
}
