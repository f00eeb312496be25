import { benchMetering } from "../metering.js";
import type { Measure } from "../table.js";

/**
 * Both sides with the engine's options of a sandbox process: so what these options give is not counted as metering's. Times of the
 * thread, not of the wall: what else the machine does counts less here than in the other parts.
 */
export const measure: Measure<"metering"> = async () => {
  const { rows, ratio, ratioSameOptions } = benchMetering(1);
  return {
    values: { ratio: ratioSameOptions },
    beside: [
      rows.map(({ guest, metered, plainSameOptions }) => `${guest} ${(metered / plainSameOptions).toFixed(2)}`).join(", "),
      `against unmetered code in a Node without these options: ${ratio.toFixed(2)}×`,
    ],
  };
};
