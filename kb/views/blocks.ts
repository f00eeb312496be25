/** Tables of blocks: what belongs to the places of a domain, packed, a row a block (`domain, block, bytes`, in the order of both). */
import type { Db } from "../files.js";

export type Block = readonly [block: number, bytes: Uint8Array];

/** Gives a function that reads at most `count` blocks of a domain, from block `from` on, one when it is asked for. */
export function blockReader(
  db: Db,
  table: string,
  column: string,
): (domain: number, from: number, count: number) => Iterable<Block> {
  // Counted, not `domain = ?`: to see where a domain ends, SQLite reads each row whole, and then once more for who wants it.
  const select = db
    .prepare<[number, number, number], [domain: number, ...Block]>(
      `SELECT domain, block, ${column} FROM ${table} WHERE (domain, block) >= (?, ?) ORDER BY domain, block LIMIT ?`,
    )
    .raw();
  return function* (domain, from, count) {
    for (const [of, block, bytes] of select.iterate(domain, from, count)) {
      if (of !== domain) return;
      yield [block, bytes];
    }
  };
}
