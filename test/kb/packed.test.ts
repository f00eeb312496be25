import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formOf, pack, payloadStart, rowCount } from "#kb/ledger/packed.js";

const text = fc.string({ unit: fc.constantFrom("a", "é", "🎈", '"', "\\", "\u2028"), maxLength: 40 });
const row = fc.tuple(text, text, text, fc.option(text), text, text);

test("rows come out as they went in, whatever the texts that they share", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      const packed = structuredClone(pack(rows));
      const read = Array.from({ length: rowCount(packed) }, (_, index) => {
        const [actor, kind, scope, traceId, provenance] = packed.forms[formOf(packed, index)]!;
        const payload = packed.payloads.subarray(payloadStart(packed, index), payloadStart(packed, index + 1));
        return [actor, kind, scope, traceId, Buffer.from(payload).toString("utf8"), provenance];
      });
      expect(read).toEqual(rows);
    }),
  );
});

test("what rows have in common travels once", () => {
  const row = ["host", "log", "system", "trace:1", "{}", "{}"] as const;
  expect(pack([row, ["host", "log", "system", null, "{}", "{}"], row, row]).forms).toHaveLength(2);
});

test("what is given away shares its memory with nothing else", () => {
  const { payloads, columns } = pack([["host", "log", "system", null, "{}", "{}"]]);
  expect(payloads.buffer.byteLength).toBe(2);
  expect(columns.buffer.byteLength).toBe(columns.byteLength);
});
