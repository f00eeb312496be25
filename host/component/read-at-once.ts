/**
 * Reads small files without waiting: the way to Node's pool of threads and back takes longer than they do.
 *
 * The system fills memory that has been touched before, and what is kept is copied out of it: a page that is touched for the first time
 * inside of a system call costs several times what it costs outside, and a component has ten of them.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The largest that is read so: a slow disk must not hold up the event loop. */
export const AT_ONCE_BYTES = 1 << 20;

const scratch = Buffer.allocUnsafeSlow(AT_ONCE_BYTES);

/** The first `size` bytes of an open file; fewer where it has become shorter. Valid until something else is read: what is kept is copied. */
export function glanceAt(descriptor: number, size: number): Buffer {
  return scratch.subarray(0, readSync(descriptor, scratch, 0, size, 0));
}

/** As {@link glanceAt}, to be kept. */
const readAtOnce = (descriptor: number, size: number): Buffer => Buffer.from(glanceAt(descriptor, size));

/** A whole file; undefined where it is too large. */
export function readFileAtOnce(file: string): Buffer | undefined {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    return size <= AT_ONCE_BYTES ? readAtOnce(descriptor, size) : undefined;
  } finally {
    closeSync(descriptor);
  }
}
