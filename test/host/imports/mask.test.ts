import { expect, test } from "vitest";
import { maskAddress, maskAddresses } from "#host/imports/mask.js";

test("an address keeps its first character; the rest is a digest that only this home can make", () => {
  const masked = maskAddress("john@example.com", "salt");
  expect(masked).toMatch(/^j…@[0-9a-f]{8}$/);
  expect(maskAddress("JOHN@example.com", "salt").slice(1)).toBe(masked.slice(1));
  expect(maskAddress("john@example.com", "other")).not.toBe(masked);
});

test.each([
  "write to john@example.com.",
  "<john@example.com>",
  "mailto:john@example.com?subject=x",
  "JOHN@EXAMPLE.COM,jöhn@exämple.com",
  "a+b.c_d%e'f@x.y-z",
])("no address survives in %s", (text) => {
  expect(maskAddresses(text, "salt")).not.toMatch(/[^\s…]@(?![0-9a-f]{8}\b)/);
});

test("text of one long run is masked in linear time", () => {
  expect(maskAddresses("a".repeat(1_000_000), "salt")).toHaveLength(1_000_000);
});
