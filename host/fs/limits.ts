/** What an agent's files may take. The inside of a sandbox keeps to the same numbers; here nothing is believed. */

/** Bytes of one piece, read or written: what one message carries. */
export const PIECE_BYTES = 256 << 10;
/** Names in one directory. */
export const DIRECTORY_ENTRIES = 200_000;
/** Names in one answer. */
export const PAGE_ENTRIES = 2000;
/** POSIX: bytes of a name, and of a path. */
export const NAME_BYTES = 255;
export const PATH_BYTES = 4096;
/** Directories below one another. */
export const DEPTH = 128;
/** What one attempt may leave behind: files and directories made, changed or removed, and bytes of the files. */
export const CHANGES = 5000;
export const CHANGED_BYTES = 64 << 20;
/** A file that is larger is neither replaced nor removed: its digest would have to be taken first. */
export const REPLACED_BYTES = 256 << 20;
