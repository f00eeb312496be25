import Database from "better-sqlite3";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lengthReader, lengthWriter } from "#kb/search/lengths.js";
import { viewsKind } from "#kb/views/schema.js";

/** Chunks that come at once, over the edges of blocks. */
const batch = fc.record({ domain: fc.constantFrom(1, 2), count: fc.constantFrom(1, 3, 700, 4095, 4096, 5000) });

test("lengths come back as they were added, whatever came together, and from any place on", () => {
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 6 }), fc.nat(), (batches, seed) => {
      const db = new Database(":memory:");
      db.exec(viewsKind.create);
      const writer = lengthWriter(db);
      const all = new Map<number, number[]>();
      for (const [index, { domain, count }] of batches.entries()) {
        const lengths = all.get(domain) ?? [];
        all.set(domain, lengths);
        for (let at = 0; at < count; at++) {
          const words = (seed + index * 7919 + at * 31) % 70_000;
          writer.add(domain, lengths.length + 1, words);
          // Nothing is hidden by having no words, and two bytes hold no more.
          lengths.push(Math.min(0xffff, Math.max(1, words)));
        }
        if (index % 2 === 0) writer.flush();
      }
      writer.flush();
      const read = lengthReader(db);
      for (const [domain, lengths] of all) {
        const whole = new Uint16Array(lengths.length + 1);
        read(domain, 1, whole);
        expect([...whole]).toEqual([0, ...lengths]);
        const known = seed % lengths.length;
        const rest = new Uint16Array(lengths.length + 1);
        rest.set(whole.subarray(0, known + 1));
        read(domain, known + 1, rest);
        expect(rest).toEqual(whole);
        const fewer = new Uint16Array(known + 1);
        read(domain, 1, fewer);
        expect(fewer).toEqual(whole.slice(0, known + 1));
      }
      db.close();
    }),
    { numRuns: 20 },
  );
});
