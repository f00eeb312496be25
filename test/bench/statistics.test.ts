import * as fc from "fast-check";
import { expect, test } from "vitest";
import { geometricMean, median, quantile } from "../../bench/statistics.js";

const samples = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });

test("of nothing, or of what is no number, there is no figure", () => {
  expect(() => median([])).toThrow(RangeError);
  expect(() => median([1, NaN])).toThrow(RangeError);
  for (const q of [-0.1, 1.1, NaN]) expect(() => quantile([1, 2], q)).toThrow(RangeError);
  for (const bad of [[], [1, 0], [1, -2], [1, NaN]]) expect(() => geometricMean(bad)).toThrow(RangeError);
});

test("quantiles lie between neighbours in proportion", () => {
  const cases: readonly [number[], number, number][] = [
    [[7], 0.99, 7],
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[10, 20], 0.25, 12.5],
    [[5, 1, 9], 0, 1],
    [[5, 1, 9], 1, 9],
    // Numbers are sorted as numbers.
    [[100, 9, 20], 0.5, 20],
    [Array.from({ length: 101 }, (_, i) => i), 0.99, 99],
  ];
  for (const [given, q, expected] of cases) expect(quantile(given, q)).toBeCloseTo(expected, 12);
});

test("quantiles grow with the share, stay inside the samples and leave them as they were", () => {
  fc.assert(
    fc.property(
      samples,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (given, a, b) => {
        const before = [...given];
        const [low, high] = [quantile(given, Math.min(a, b)), quantile(given, Math.max(a, b))];
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        expect(low).toBeGreaterThanOrEqual(Math.min(...given) - 1e-6);
        expect(high).toBeLessThanOrEqual(Math.max(...given) + 1e-6);
        expect(given).toEqual(before);
      },
    ),
    { numRuns: 200 },
  );
});

test("the geometric mean of ratios is the ratio of the geometric means", () => {
  expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
  expect(geometricMean([1.2, 1 / 1.2])).toBeCloseTo(1, 12);
  const [metered, plain] = [
    [3, 5, 7],
    [2, 4, 8],
  ];
  const ratios = metered.map((time, i) => time / plain[i]!);
  expect(geometricMean(ratios)).toBeCloseTo(geometricMean(metered) / geometricMean(plain), 12);
});
