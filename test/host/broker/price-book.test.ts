import { expect, test } from "vitest";
import { priceBook } from "#host/broker/price-book.js";
import type { Config } from "#host/config/schema.js";

const book = priceBook({
  models: {
    broker: {
      providers: [
        {
          kind: "openai-compatible",
          name: "big",
          base_url: "https://x",
          prices: { "small-*": { input: 1, output: 2 }, "*": { input: 5, output: 20 }, "never-*": { input: 999, output: 999 } },
        },
        { kind: "openai-compatible", name: "some", base_url: "https://y", prices: { "a-*": { input: 3, output: 1 } } },
        { kind: "openai-compatible", name: "none", base_url: "https://z" },
      ],
    },
  },
} as unknown as Config);

test.each([
  [["local/template"], 0],
  [["local/*"], 0],
  [["big/small-1"], 2],
  [["big/small-*"], 2],
  [["big/large"], 20],
  [["big/*"], 20],
  [["big/never-1"], 20], // the first pattern that fits decides
  [["some/a-1"], 3],
  [["some/b-1"], null],
  [["some/*"], null],
  [["none/x"], null],
  [["big/*", "none/x"], null],
  [["*-1"], null],
  [["unknown/x"], 0], // nobody answers for it
])("%j costs %s at most for a million tokens", (models, price) => {
  expect(book.dearest(models)).toBe(price);
});

test("every model: as much as the dearest, unless one has no price", () => {
  expect(book.dearest(true)).toBe(null);
  expect(priceBook({ models: { broker: { providers: [] } } } as unknown as Config).dearest(true)).toBe(0);
});
