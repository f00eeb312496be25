/** The default transport: one `.eml` file a message. Writing the same message twice leaves one file. */
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { makeFolder } from "#core/folder.js";
import { join } from "node:path";

const PARTIAL = ".partial";

/**
 * Writes `<folder>/<name>.eml` durably (file and folder synced) and all at once: a reader sees the whole message or none. Gives the
 * path. A file that is there already with the same bytes is left alone. One process writes a message at a time: what another one was
 * killed over is taken away.
 */
export async function writeToOutbox(folder: string, name: string, message: Uint8Array): Promise<string> {
  makeFolder(folder);
  const path = join(folder, `${name}.eml`);
  for (const left of await readdir(folder))
    if (left.startsWith(`${name}.eml.`) && left.endsWith(PARTIAL)) await rm(join(folder, left), { force: true });
  const there = await readFile(path).catch(() => null);
  if (there && Buffer.compare(there, message) === 0) return path;
  const partial = `${path}.${process.pid}${PARTIAL}`;
  try {
    const file = await open(partial, "w", 0o600);
    try {
      await file.writeFile(message);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  const directory = await open(folder, "r").catch(() => null); // not every platform lets a folder be opened
  await directory?.sync().catch(() => {});
  await directory?.close();
  return path;
}
