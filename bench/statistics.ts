/** Of samples in any order. All of them throw a `RangeError` where there is no sample: a figure of nothing is no figure. */

/** The value below which the share `q` (0 to 1) of the samples lies, between neighbours in proportion (Hyndman and Fan, type 7). */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = Float64Array.from(samples).sort();
  if (sorted.length === 0 || sorted.some(Number.isNaN) || !(q >= 0 && q <= 1)) throw new RangeError("no such quantile");
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Of positive samples. */
export function geometricMean(samples: readonly number[]): number {
  if (samples.length === 0 || !samples.every((sample) => sample > 0)) throw new RangeError("no geometric mean");
  return Math.exp(samples.reduce((sum, sample) => sum + Math.log(sample), 0) / samples.length);
}
