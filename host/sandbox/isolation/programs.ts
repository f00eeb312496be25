/** Programs of the system, in the system's own folders only: a `PATH` that leads through a project must not choose the cage. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

export const SYSTEM_FOLDERS: readonly string[] = [
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/usr/local/bin",
  "/run/current-system/sw/bin",
];

export function program(name: string, folders: readonly string[]): string | null {
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  return found ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
