/** Paths below a granted directory, as they come from a sandbox process: already resolved, names joined by `/`. */
import { FileError } from "./error.js";
import { DEPTH, NAME_BYTES, PATH_BYTES } from "./limits.js";

/** Names of files that a commit has not finished yet. No guest sees or makes one. */
export const PARTIAL = /^\.rlp-[0-9a-f]{16}-[0-9]{1,6}\.partial$/;

/** The names of a path; none for the directory itself. Throws `FileError` for everything that is not a plain way down. */
export function namesOf(path: string): readonly string[] {
  if (path === "") return [];
  if (Buffer.byteLength(path) > PATH_BYTES) throw new FileError("name-too-long", `a path of more than ${PATH_BYTES} bytes`);
  const names = path.split("/");
  if (names.length > DEPTH) throw new FileError("name-too-long", `more than ${DEPTH} directories below one another`);
  for (const name of names) checkName(name);
  return names;
}

function checkName(name: string): void {
  if (name === "" || name === "." || name === "..") throw new FileError("not-permitted", "a path that is not a plain way down");
  // A lone surrogate has no bytes of its own; NUL would end the name for the operating system.
  if (name.includes("\0") || !name.isWellFormed()) throw new FileError("not-permitted", "a name that no file has");
  if (process.platform === "win32" && /[\\:]/.test(name)) throw new FileError("not-permitted", "a name that no file has");
  if (Buffer.byteLength(name) > NAME_BYTES) throw new FileError("name-too-long", `a name of more than ${NAME_BYTES} bytes`);
  if (PARTIAL.test(name)) throw new FileError("not-permitted", "a name that rlp keeps for itself");
}
