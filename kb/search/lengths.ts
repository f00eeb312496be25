/**
 * How many words each chunk has, packed: two bytes a chunk, by domain in the order of places, in blocks. A search wants those of all that
 * it may see, and reading them row by row would take longer than everything else that a fresh process does.
 */
import type { Db } from "../files.js";
import { blockReader } from "../views/blocks.js";

/** Places of one block. */
const BLOCK = 4096;
const LONGEST = 0xffff;

export interface LengthWriter {
  /** Of the chunk that comes next in its domain. `place` is its place there, from 1. */
  add(domain: number, place: number, words: number): void;
  /** Writes what was added. To be called in the same transaction. */
  flush(): void;
}

export function lengthWriter(db: Db): LengthWriter {
  const select = db.prepare<[number, number], Uint8Array>("SELECT words FROM chunk_words WHERE domain = ? AND block = ?").pluck();
  const put = db.prepare("INSERT OR REPLACE INTO chunk_words VALUES (?, ?, ?)");
  const added = new Map<number, { readonly first: number; readonly words: number[] }>();
  return {
    add(domain, place, words) {
      const one = added.get(domain) ?? { first: place, words: [] };
      added.set(domain, one);
      one.words.push(words);
    },
    flush() {
      for (const [domain, { first, words }] of added)
        for (let done = 0; done < words.length;) {
          const index = first - 1 + done;
          const block = Math.floor(index / BLOCK);
          const known = index % BLOCK === 0 ? undefined : select.get(domain, block);
          const some = words.slice(done, done + BLOCK - (index % BLOCK));
          const bytes = Buffer.alloc(2 * ((index % BLOCK) + some.length));
          if (known) bytes.set(known);
          // 0 is what a search calls hidden.
          some.forEach((count, at) => bytes.writeUInt16LE(Math.min(LONGEST, Math.max(1, count)), 2 * ((index % BLOCK) + at)));
          put.run(domain, block, bytes);
          done += some.length;
        }
      added.clear();
    },
  };
}

/**
 * Gives a function that puts those of a domain's chunks from place `from` on at their places in `into`, as many as fit. Whole blocks are
 * copied as they are: every machine that runs this keeps its lower byte first.
 */
export function lengthReader(db: Db): (domain: number, from: number, into: Uint16Array<ArrayBuffer>) => void {
  const read = blockReader(db, "chunk_words", "words");
  return (domain, from, into) => {
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    const first = Math.floor((from - 1) / BLOCK);
    const blocks = Math.ceil((into.length - 1) / BLOCK) - first;
    for (const [block, words] of read(domain, first, blocks)) {
      const at = 2 * (block * BLOCK + 1);
      if (at >= bytes.length) break;
      bytes.set(words.subarray(0, bytes.length - at), at);
    }
  };
}
