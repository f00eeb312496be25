/**
 * Files that trust rests on. Who could write one could say whom this home trusts, and who could read a private key could sign in its
 * name: so a link, a file of somebody else's, and one that others can get at are refused, never read. The bytes come from the very
 * file that was looked at.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { TrustError } from "./error.js";

export interface PrivateFile {
  readonly file: string;
  /** Bytes that it may have. */
  readonly most: number;
  /** Others may not even read it. Else they may not write it. */
  readonly secret: boolean;
}

/** The file's bytes; null where there is none. Throws `TRUST_FILE`. */
export function readPrivate({ file, most, secret }: PrivateFile): Buffer | null {
  let handle: number;
  try {
    // Most homes have none of these, and an error that is thrown and caught costs more than all of the reading.
    if (!lstatSync(file, { throwIfNoEntry: false })) return null;
    handle = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (code === "ELOOP") throw refusal(file, "it is a link", "put the file itself there");
    throw refusal(file, `it cannot be read: ${code ?? String(error)}`, `chmod u+r ${file}`, error);
  }
  try {
    const status = fstatSync(handle);
    if (!status.isFile()) throw refusal(file, "it is no regular file", "move it away");
    checkOwner(file, status, secret);
    if (status.size > most) throw refusal(file, `it has ${status.size} bytes, where ${most} are the limit`, "move it away");
    const bytes = Buffer.alloc(status.size);
    return bytes.subarray(0, readSync(handle, bytes, 0, status.size, 0));
  } finally {
    closeSync(handle);
  }
}

/** A folder for its owner alone. Says whether there is one. Throws `TRUST_FILE`. */
export function checkPrivateFolder(dir: string): boolean {
  const status = lstatSync(dir, { throwIfNoEntry: false });
  if (!status) return false;
  if (status.isSymbolicLink()) throw refusal(dir, "it is a link", "put the folder itself there");
  if (!status.isDirectory()) throw refusal(dir, "it is no folder", "move it away");
  checkOwner(dir, status, true);
  return true;
}

/** Windows keeps lists of its own. */
function checkOwner(path: string, { uid, mode }: Stats, secret: boolean): void {
  if (process.platform === "win32") return;
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own && uid !== 0)
    throw refusal(path, `it belongs to the user ${uid}`, `chown it, or take it away: what is yours belongs to the user ${own}`);
  if ((mode & (secret ? 0o077 : 0o022)) === 0) return;
  const what = secret ? "get at" : "write";
  throw refusal(path, `others can ${what} it (mode ${(mode & 0o777).toString(8)})`, `chmod go-${secret ? "rwx" : "w"} ${path}`);
}

const refusal = (file: string, what: string, hint: string, cause?: unknown): TrustError =>
  new TrustError("TRUST_FILE", `${what}, so it is not believed`, {
    place: { file },
    hint,
    ...(cause !== undefined && { cause }),
  });
