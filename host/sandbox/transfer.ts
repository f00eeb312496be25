/** Raw bytes that a message announced, gathered from their chunks. Nothing is taken that was not announced. */
import { FrameViolation } from "./frame.js";

export class Transfers {
  private readonly open = new Map<
    number,
    { readonly bytes: Uint8Array; filled: number; readonly done: (bytes: Uint8Array) => void }
  >();

  /** The caller has checked `length` against its own limit. */
  expect(transfer: number, length: number): Promise<Uint8Array> {
    if (this.open.has(transfer)) throw new FrameViolation(`transfer ${transfer} is announced twice`);
    if (length === 0) return Promise.resolve(new Uint8Array(0));
    return new Promise((done) => this.open.set(transfer, { bytes: new Uint8Array(length), filled: 0, done }));
  }

  chunk(transfer: number, chunk: Uint8Array): void {
    const entry = this.open.get(transfer);
    if (!entry) throw new FrameViolation(`bytes for transfer ${transfer}, which is not open`);
    if (chunk.length > entry.bytes.length - entry.filled)
      throw new FrameViolation(`more bytes than transfer ${transfer} announced`);
    entry.bytes.set(chunk, entry.filled);
    entry.filled += chunk.length;
    if (entry.filled < entry.bytes.length) return;
    this.open.delete(transfer);
    entry.done(entry.bytes);
  }
}
