import { benchMetering } from "../metering.js";
import type { Measure } from "../table.js";

/** Times of the thread, not of the wall: what else the machine does counts less here than in the other parts. */
export const measure: Measure<"metering"> = async () => {
  const { rows, ratio, ratioSameOptions } = benchMetering(1);
  return {
    values: { ratio },
    beside: [
      `${rows.map(({ guest, metered, plain }) => `${guest} ${(metered / plain).toFixed(2)}`).join(", ")}; with the sandbox's engine options on both sides ${ratioSameOptions.toFixed(2)}`,
    ],
  };
};
