/** Why something of the file system cannot be had, in WASI's words: these are the codes that a guest gets. */
export type FileCode =
  | "access"
  | "exist"
  | "insufficient-memory"
  | "insufficient-space"
  | "io"
  | "is-directory"
  | "loop"
  | "name-too-long"
  | "no-entry"
  | "not-directory"
  | "not-empty"
  | "not-permitted"
  | "overflow"
  | "read-only"
  | "unsupported";

/** Of the errors of the operating system those that say something to a guest; all others are `io`. */
const CODES: Readonly<Record<string, FileCode>> = {
  EACCES: "access",
  EEXIST: "exist",
  EDQUOT: "insufficient-space",
  EISDIR: "is-directory",
  ELOOP: "loop",
  ENAMETOOLONG: "name-too-long",
  ENOENT: "no-entry",
  ENOMEM: "insufficient-memory",
  ENOSPC: "insufficient-space",
  ENOTDIR: "not-directory",
  ENOTEMPTY: "not-empty",
  EPERM: "not-permitted",
  EROFS: "read-only",
  // What O_NOFOLLOW says of a link, on Linux with O_DIRECTORY and on the BSDs.
  EMLINK: "loop",
};

export class FileError extends Error {
  readonly code: FileCode;
  constructor(code: FileCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error of the operating system as ours; the message names no path of this machine. */
export function fileError(cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? "";
  return new FileError(CODES[code] ?? "io", code || "input or output failed", { cause });
}
