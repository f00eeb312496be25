import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pack, unpack } from "#kb/ledger/packed.js";

const text = fc.string({ unit: fc.constantFrom("a", "é", "🎈", '"', "\\", "\u2028"), maxLength: 40 });
const row = fc.tuple(text, text, text, fc.option(text), text, text);

test("rows come out as they went in, wherever one begins to read, whatever the texts that they share", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.nat(20), (rows, begin) => {
      const from = Math.min(begin, rows.length);
      const packed = structuredClone(pack(rows));
      const read = [...unpack(packed, from, rows.length - from)].map(({ actor, kind, scope, traceId, payload, provenance }) => [
        actor,
        kind,
        scope,
        traceId,
        Buffer.from(payload).toString("utf8"),
        provenance,
      ]);
      expect(read).toEqual(rows.slice(from));
    }),
  );
});

test("what is given away shares its memory with nothing else", () => {
  const { payloads, columns } = pack([["host", "log", "system", null, "{}", "{}"]]);
  expect(payloads.buffer.byteLength).toBe(2);
  expect(columns.buffer.byteLength).toBe(columns.byteLength);
});
