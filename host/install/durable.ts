/** Files and names that are still there after a power loss. */
import { open } from "node:fs/promises";
import { makeFolder } from "#core/folder.js";
import { dirname } from "node:path";

export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  makeFolder(dirname(file));
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The names in a folder. Windows opens no folders. */
export async function syncFolder(dir: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
