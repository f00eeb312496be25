import { performance } from "node:perf_hooks";
import { openCrowd, type Crowd } from "../crowd.js";
import type { Measure } from "../table.js";

const crowd: Crowd = { computing: 500, waiting: 2000, rounds: 300 };

/** The same run undisturbed, and with its sandbox process killed when everybody is in it. */
export const measure: Measure<"crowd"> = async (scratch) => {
  const house = await openCrowd(scratch, crowd);
  try {
    const start = performance.now();
    const undisturbed = await house.run({ kill: false });
    const between = performance.now();
    const disturbed = await house.run({ kill: true });
    const end = performance.now();
    const nodes = crowd.computing + crowd.waiting;
    const wrong = [...undisturbed.wrong, ...disturbed.wrong];
    if (wrong.length > 0) throw new Error(`${wrong.length} agents did not end right: ${wrong.slice(0, 5).join(", ")}`);
    if (disturbed.processes !== 2) throw new Error("no process was killed under them");
    const same = [...undisturbed.journals].filter(([node, journal]) => disturbed.journals.get(node) === journal).length;
    const hash = undisturbed.finalHash === disturbed.finalHash;
    return {
      values: { identical: hash ? (100 * same) / nodes : 0 },
      beside: [
        `${crowd.computing} computing and ${crowd.waiting} waiting in one process: ${seconds(between - start)} undisturbed; ${seconds(end - between)} with the process killed under ${disturbed.killed} of them, final hash ${hash ? "the same" : "ANOTHER"}`,
      ],
    };
  } finally {
    await house.close();
  }
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
