import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3, isDigest } from "#core/digest.js";
import type { NodeId } from "#core/ids.js";
import { hostFailure } from "#core/values.js";
import { JournalHasher, inputsHash, outputsHash, requestHash, type HashedCall, type HashedEnd } from "#openings/journal/hash.js";
import { attemptSeed, fraction } from "#openings/journal/seed.js";

const message = { port: "in", type: "text.v1", body: "x", labels: ["model"] };
const call: HashedCall = {
  seq: 0,
  interface: "runloop:agent/kb@0.1.0",
  function: "search",
  requestHash: requestHash("runloop:agent/kb@0.1.0", "search", ["q"]),
  responseHash: blake3("r"),
  fuel: 10,
};
const ended: HashedEnd = { status: "ok", outputsHash: outputsHash([message]) };

interface Journal {
  readonly inputs: string;
  readonly seed: string;
  readonly calls: readonly HashedCall[];
  readonly local: string;
  readonly fuel: number;
  readonly end: HashedEnd;
}
const journal: Journal = { inputs: "i", seed: "s", calls: [call, { ...call, seq: 1 }], local: "l", fuel: 99, end: ended };

function hash({ inputs, seed, calls, local, fuel, end }: Journal): string {
  const hasher = new JournalHasher({ inputsHash: blake3(inputs), seed: blake3(seed) });
  for (const call of calls) hasher.call(call);
  return hasher.finish({ localHash: blake3(local), fuel, end });
}

test.each<[string, Partial<Journal>]>([
  ["inputs", { inputs: "j" }],
  ["seed", { seed: "t" }],
  ["local calls", { local: "m" }],
  ["fuel", { fuel: 100 }],
  ["a call less", { calls: [call] }],
  ["the order of calls", { calls: [...journal.calls].reverse() }],
  [
    "an interface",
    {
      calls: [
        { ...call, interface: "other" },
        { ...call, seq: 1 },
      ],
    },
  ],
  [
    "a function",
    {
      calls: [
        { ...call, function: "get" },
        { ...call, seq: 1 },
      ],
    },
  ],
  [
    "a request",
    {
      calls: [
        { ...call, requestHash: blake3("q") },
        { ...call, seq: 1 },
      ],
    },
  ],
  [
    "a response",
    {
      calls: [
        { ...call, responseHash: blake3("q") },
        { ...call, seq: 1 },
      ],
    },
  ],
  [
    "a call's fuel",
    {
      calls: [
        { ...call, fuel: 11 },
        { ...call, seq: 1 },
      ],
    },
  ],
  ["outputs", { end: { status: "ok", outputsHash: blake3("o") } }],
  ["how it ended", { end: { status: "cancelled" } }],
  ["the failure", { end: { status: "error", failure: { code: "a", message: "", retryable: true } } }],
])("a journal hash depends on %s", (_, change) => {
  expect(hash({ ...journal, ...change })).not.toBe(hash(journal));
});

test("an agent's wording of a failure counts, the host's does not: it changes with the JavaScript engine", () => {
  const failed = (failure: ReturnType<typeof hostFailure>) => hash({ ...journal, end: { status: "error", failure } });
  expect(failed(hostFailure("host.trap", "unreachable"))).toBe(failed(hostFailure("host.trap", "RuntimeError: unreachable")));
  expect(failed({ code: "x", message: "a", retryable: true })).not.toBe(failed({ code: "x", message: "b", retryable: true }));
});

test("hashes of values do not see labels, and see port, type, body and `with`", () => {
  expect(outputsHash([message])).toBe(outputsHash([{ ...message, labels: [] } as never]));
  expect(inputsHash([message], { a: 1, b: 2 })).toBe(inputsHash([message], { b: 2, a: 1 }));
  const others = [
    { ...message, port: "on" },
    { ...message, type: "json.v1" },
    { ...message, body: "y" },
  ].map((other) => outputsHash([other]));
  expect(new Set([outputsHash([message]), ...others]).size).toBe(4);
  expect(inputsHash([message], {})).not.toBe(inputsHash([message], { a: 1 }));
});

test("draws are apart from each other: run, node, attempt and purpose each matter", () => {
  const place = fc.tuple(fc.nat(5), fc.constantFrom("a", "b", "ab"), fc.nat(5), fc.constantFrom("attempt", "retry"));
  fc.assert(
    fc.property(place, place, (one, other) => {
      const draw = ([seed, node, attempt, purpose]: typeof one) => attemptSeed(seed, node as NodeId, attempt, purpose as "retry");
      expect(isDigest(draw(one))).toBe(true);
      expect(draw(one) === draw(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      expect(fraction(draw(one))).toBeGreaterThanOrEqual(0);
      expect(fraction(draw(one))).toBeLessThan(1);
    }),
  );
});
