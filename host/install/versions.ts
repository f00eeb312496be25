/**
 * Which signed versions of each agent were installed into a home: one empty file a version, never deleted, so that removing an agent
 * does not open the door to an older one, and two installs at once cannot lose each other's. Unsigned ones leave no mark: anybody
 * could shut the real ones out with a large number.
 */
import { open, readdir } from "node:fs/promises";
import { makeFolder } from "#core/folder.js";
import { join } from "node:path";
import { compareVersions, VERSION } from "../component/version.js";
import { syncFolder } from "./durable.js";

/** Highest version of the agent that was ever installed with a trusted signature; null where there was none. */
export async function highestVersion(versionsDir: string, agent: string): Promise<string | null> {
  const marks = await readdir(join(versionsDir, agent)).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error; // what cannot be read may hold a newer one
  });
  return (
    marks
      .filter((name) => VERSION.test(name))
      .sort(compareVersions)
      .at(-1) ?? null
  );
}

/** Durable when it resolves. */
export async function rememberVersion(versionsDir: string, agent: string, version: string): Promise<void> {
  const dir = join(versionsDir, agent);
  makeFolder(dir);
  await (await open(join(dir, version), "a", 0o600)).close();
  for (const folder of [dir, versionsDir]) await syncFolder(folder);
}
