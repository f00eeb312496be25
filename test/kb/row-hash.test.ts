import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { canonicalJson } from "#core/json.js";
import { rowHash, writeDigits } from "#kb/ledger/row-hash.js";

const text = fc.string({ unit: fc.constantFrom("a", "é", "🎈", '"', "\\", "\n", "\u2028"), maxLength: 40 });
const count = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 10 ** 15, 2 ** 53 - 1),
);
/** What only a damaged file holds. */
const odd = fc.constantFrom(-1, -(2 ** 53), 2 ** 63, 1.5);
const number = fc.oneof({ arbitrary: count, weight: 9 }, odd);

test("a row's hash is that of the canonical JSON of its record behind the hash before it", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.record({
        id: number,
        ts_ms: number,
        trace_id: fc.option(text),
        seq: fc.option(number),
        actor: text,
        kind: text,
        scope: text,
      }),
      fc.dictionary(text, fc.oneof(text, fc.integer())),
      fc.dictionary(text, text),
      (prevHash, record, payload, provenance) => {
        const { id, ts_ms, trace_id, seq, actor, kind, scope } = record;
        const texts = [canonicalJson(payload), canonicalJson(provenance)] as const;
        const hash = rowHash(prevHash, id, ts_ms, trace_id, seq, actor, kind, scope, ...texts);
        expect(Buffer.from(hash).toString("hex")).toBe(blake3(prevHash, canonicalJson({ ...record, payload, provenance })));
      },
    ),
  );
});

test("digits are those of the number, with zeros before it", () => {
  fc.assert(
    fc.property(count, (value) => {
      const into = Buffer.alloc(18, "x");
      writeDigits(into, 1, value, 16);
      expect(into.toString("latin1")).toBe(`x${String(value).padStart(16, "0")}x`);
    }),
  );
});
