/**
 * Reads small files without waiting: the way to Node's pool of threads and back takes longer than they do.
 *
 * The system fills memory that has been touched before: a page that is touched for the first time inside of a system call costs several
 * times what it costs outside, and a component has ten of them. What is kept is copied, where there is a moment into memory that was
 * touched while nobody waited.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The largest that is read so: a slow disk must not hold up the event loop. */
export const AT_ONCE_BYTES = 1 << 20;

const scratch = Buffer.allocUnsafeSlow(AT_ONCE_BYTES);

/** The first `size` bytes of an open file; fewer where it has become shorter. Valid until something else is read: what is kept is copied. */
export function glanceAt(descriptor: number, size: number): Buffer {
  return scratch.subarray(0, readSync(descriptor, scratch, 0, size, 0));
}

/** For the next one that is kept: of about the size of the last one. */
let ahead = Buffer.alloc(0);
/** The largest: touching its pages must not hold up the event loop either. */
const AHEAD_BYTES = 128 << 10;
const PAGE_BYTES = 4096;

/** As {@link glanceAt}, to be kept. */
function readAtOnce(descriptor: number, size: number): Buffer {
  // Whoever keeps a part of some memory keeps all of it.
  const fits = size <= ahead.length && ahead.length <= 2 * size;
  const room = ahead;
  if (fits) ahead = Buffer.alloc(0);
  if (size > ahead.length && size <= AHEAD_BYTES) setImmediate(touchAhead, size);
  return fits ? room.subarray(0, readSync(descriptor, room, 0, size, 0)) : Buffer.from(glanceAt(descriptor, size));
}

/** On a turn of its own: by then whoever has read something has most likely handed it on, and waits. */
function touchAhead(size: number): void {
  if (size <= ahead.length) return;
  ahead = Buffer.allocUnsafeSlow(Math.ceil(size / PAGE_BYTES) * PAGE_BYTES);
  for (let at = 0; at < ahead.length; at += PAGE_BYTES) ahead[at] = 0;
}

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
