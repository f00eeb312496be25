/** The bytes of one file: those of the disk where nobody has written, and what was written over them. */
import { PIECE_BYTES } from "../../../../fs/limits.js";

/** Reads a piece of the file as it is on disk. */
export type ReadBase = (offset: number, length: number) => Promise<Uint8Array>;

/** Pieces of the disk that are kept in memory, of all files of an attempt together. Which ones follows from what the guest does. */
export class PieceCache {
  private static readonly MOST = 32;
  private readonly pieces = new Map<Content, Map<number, Uint8Array>>();
  private order: (readonly [Content, number])[] = [];

  get(content: Content, index: number): Uint8Array | undefined {
    return this.pieces.get(content)?.get(index);
  }

  put(content: Content, index: number, bytes: Uint8Array): void {
    const own = this.pieces.get(content) ?? new Map<number, Uint8Array>();
    this.pieces.set(content, own);
    own.set(index, bytes);
    this.order.push([content, index]);
    while (this.order.length > PieceCache.MOST) {
      const [oldest, at] = this.order.shift()!;
      const held = this.pieces.get(oldest);
      held?.delete(at);
      if (held?.size === 0) this.pieces.delete(oldest);
    }
  }
}

export class Content {
  size: number;
  private readonly readBase: ReadBase | null;
  /** From here on nothing of the disk shows through any more. */
  private baseEnd: number;
  private readonly written = new Map<number, Uint8Array>();
  private readonly cache: PieceCache;

  /** `size`: of the file on disk; 0 where there is none. */
  constructor(cache: PieceCache, size: number, readBase: ReadBase | null) {
    this.cache = cache;
    this.size = size;
    this.baseEnd = readBase ? size : 0;
    this.readBase = readBase;
  }

  /** What there is from `offset` on, at most `length` bytes; fewer only at a border between pieces or at the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset >= this.size || length === 0) return new Uint8Array(0);
    const index = Math.floor(offset / PIECE_BYTES);
    const from = offset - index * PIECE_BYTES;
    const end = Math.min(from + length, PIECE_BYTES, this.size - index * PIECE_BYTES);
    const out = new Uint8Array(end - from);
    const piece = await this.piece(index);
    if (piece.length > from) out.set(piece.subarray(from, Math.min(end, piece.length)));
    return out;
  }

  /** The caller has made sure that there is room. A hole between the end and `offset` is zeroes. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const index = Math.floor(at / PIECE_BYTES);
      const from = at - index * PIECE_BYTES;
      const part = bytes.subarray(done, done + Math.min(bytes.length - done, PIECE_BYTES - from));
      const piece = await this.own(index, from + part.length);
      piece.set(part, from);
      done += part.length;
      this.size = Math.max(this.size, at + part.length);
    }
  }

  async resize(size: number): Promise<void> {
    if (size < this.size) {
      const last = Math.floor(size / PIECE_BYTES);
      const rest = size - last * PIECE_BYTES;
      for (const index of this.written.keys()) if (index > last || (index === last && rest === 0)) this.written.delete(index);
      // What lay behind the new end must not come back when the file grows again.
      this.written.get(last)?.fill(0, rest);
      this.baseEnd = Math.min(this.baseEnd, size);
    }
    this.size = size;
  }

  /** All of it, in pieces that are full but for the last. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    for (let index = 0; index * PIECE_BYTES < this.size; index++) {
      const out = new Uint8Array(Math.min(PIECE_BYTES, this.size - index * PIECE_BYTES));
      out.set((await this.piece(index)).subarray(0, out.length));
      yield out;
    }
  }

  /** As far as there are bytes in it; what is missing is zeroes. */
  private async piece(index: number): Promise<Uint8Array> {
    const known = this.written.get(index) ?? this.cache.get(this, index);
    const end = Math.min(PIECE_BYTES, this.baseEnd - index * PIECE_BYTES);
    if (known) return this.written.has(index) ? known : known.subarray(0, Math.max(0, end));
    if (end <= 0 || !this.readBase) return new Uint8Array(0);
    const bytes = await this.readBase(index * PIECE_BYTES, end);
    this.cache.put(this, index, bytes);
    return bytes;
  }

  /** The piece as this file's own, with room for `length` bytes; small files take little. */
  private async own(index: number, length: number): Promise<Uint8Array> {
    const before = await this.piece(index);
    if (this.written.has(index) && before.length >= length) return before;
    const room = Math.min(PIECE_BYTES, Math.max(4096, 2 ** Math.ceil(Math.log2(Math.max(length, before.length)))));
    const grown = new Uint8Array(room);
    grown.set(before);
    this.written.set(index, grown);
    return grown;
  }
}
