import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Catalog } from "#host/catalog/catalog.js";
import { isolation } from "#host/sandbox/isolation/ladder.js";
import { startSandbox } from "#host/sandbox/process.js";
import { guestSpec, homeKey, variants, writeBundle } from "../guests.js";
import { timed } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

/** Of each process's starts, those that are thrown away: by then it is warm. They are shown for themselves. */
const FIRST = 24;
const AGENTS = FIRST + 72;
/** Sandbox processes; none of them has seen any of the agents before. */
const PROCESSES = 4;
/** Admissions that are timed, one after the other. */
const COLD = 24;

const hooks = { call: () => Promise.reject(new Error("no calls")), log: () => {} };

/** From a bundle on disk and a warm process that does not know it, to the end of its first attempt. */
export const measure: Measure<"start"> = async (scratch) => {
  const agents = join(scratch, "agents");
  mkdirSync(agents);
  const built = await variants(AGENTS + 1);
  for (const [index, bytes] of built.entries()) writeBundle(agents, `echo_${index}`, bytes);
  const key = homeKey();
  const options = {
    named: [agents],
    dirs: [],
    cacheDir: join(scratch, "cache"),
    key: () => Promise.resolve(key),
    isolation: () => isolation(),
    trust: {
      keysDir: join(scratch, "keys"),
      policyFile: join(scratch, "trust-policy.toml"),
      agentsDir: join(scratch, "installed"),
      overrides: [],
      // What is measured here was made here: on a machine without the full cage it is measured in what there is.
      acceptReduced: built.map((_, index) => `echo_${index}`),
    },
  };
  const cold: number[] = [];
  const filling = new Catalog(options);
  const admit = (index: number): Promise<unknown> => filling.load(`echo_${index}`);
  for (let index = 0; index < COLD; index++) cold.push(await timed(() => admit(index)));
  for (let index = COLD; index < built.length; index += 2)
    await Promise.all([index, index + 1].filter((each) => each < built.length).map(admit));

  const first: number[] = [];
  const times: number[] = [];
  const loading: number[] = [];
  for (let process = 0; process < PROCESSES; process++) {
    const sandbox = startSandbox();
    try {
      const catalog = new Catalog(options);
      const start = async (index: number): Promise<void> => {
        let component;
        const load = await timed(async () => ({ component } = await catalog.load(`echo_${index}`)));
        if (index >= FIRST && index < AGENTS) loading.push(load);
        const end = await sandbox.run(guestSpec(component!), hooks, new AbortController().signal);
        if (end.kind !== "ok") throw new Error(JSON.stringify(end));
      };
      await start(AGENTS);
      for (let index = 0; index < AGENTS; index++) (index < FIRST ? first : times).push(await timed(() => start(index)));
    } finally {
      await sandbox.close();
    }
  }
  return {
    values: { start: median(times) },
    beside: [
      `${times.length} starts, each of an agent that its process does not know, after ${FIRST} others; p90 ${quantile(times, 0.9).toFixed(2)} ms; of the median, bundle, digests and cache ${median(loading).toFixed(2)} ms`,
      `the first ${FIRST} in a process: ${median(first).toFixed(2)} ms`,
      `not in the cache, with a process that inspects and meters: ${median(cold).toFixed(0)} ms`,
    ],
  };
};
