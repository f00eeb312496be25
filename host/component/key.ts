/** The home's own secret: 32 random bytes in a file that only its owner can read. */
import { randomBytes } from "node:crypto";
import { makeFolder } from "#core/folder.js";
import { chmod, link, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { RlpError } from "#core/errors.js";

const KEY_BYTES = 32;

export type HomeKeyCode = "HOME_KEY_BAD";
export class HomeKeyError extends RlpError<HomeKeyCode> {
  readonly family = "home";
}

/** Reads the key, or makes it on first use. Several processes that come first at once agree on one key. */
export async function homeKey(path: string): Promise<Uint8Array> {
  const known = await read(path);
  if (known) return known;
  makeFolder(dirname(path));
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(randomBytes(KEY_BYTES));
    await file.sync();
    // Unlike rename, link never replaces: the key that is there first stays.
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
  const made = await read(path);
  if (!made) throw bad(path);
  return made;
}

async function read(path: string): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (bytes.length !== KEY_BYTES) throw bad(path);
  if (process.platform !== "win32") await chmod(path, 0o600).catch(() => {});
  return bytes;
}

const bad = (path: string): HomeKeyError =>
  new HomeKeyError("HOME_KEY_BAD", `the home's key has not ${KEY_BYTES} bytes`, {
    place: { file: path },
    hint: "remove the file: a new key is made, and components are translated again",
  });
