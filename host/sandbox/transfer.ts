/** Raw bytes that a message announced, gathered from their chunks. Nothing is taken that was not announced. */
import { FrameViolation } from "./frame.js";

interface Open {
  readonly length: number;
  readonly use: (bytes: Uint8Array) => void;
  /** What has come so far, where it is kept or comes in several chunks. */
  gathered: Uint8Array | null;
  filled: number;
}

export class Transfers {
  private readonly open = new Map<number, Open>();

  /** The caller has checked `length` against its own limit. */
  expect(transfer: number, length: number): Promise<Uint8Array> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    this.announce(transfer, length, resolve, new Uint8Array(length));
    return promise;
  }

  /** As {@link expect}, for whoever keeps nothing of the bytes: `use` is given them where they lie, and must not throw. */
  use(transfer: number, length: number, use: (bytes: Uint8Array) => void): void {
    this.announce(transfer, length, use, null);
  }

  private announce(transfer: number, length: number, use: Open["use"], gathered: Uint8Array | null): void {
    if (this.open.has(transfer)) throw new FrameViolation(`transfer ${transfer} is announced twice`);
    if (length === 0) return use(new Uint8Array(0));
    this.open.set(transfer, { length, use, gathered, filled: 0 });
  }

  chunk(transfer: number, chunk: Uint8Array): void {
    const entry = this.open.get(transfer);
    if (!entry) throw new FrameViolation(`bytes for transfer ${transfer}, which is not open`);
    const { length, filled } = entry;
    if (chunk.length > length - filled) throw new FrameViolation(`more bytes than transfer ${transfer} announced`);
    if (chunk.length < length) entry.gathered ??= new Uint8Array(length);
    entry.gathered?.set(chunk, filled);
    entry.filled = filled + chunk.length;
    if (entry.filled < length) return;
    this.open.delete(transfer);
    entry.use(entry.gathered ?? chunk);
  }
}
