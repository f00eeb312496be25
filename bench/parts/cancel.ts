import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { TraceId } from "#core/ids.js";
import type { Host } from "#host/host.js";
import { requestCancel } from "#host/run/cancel-request.js";
import { startRun } from "#host/run/start.js";
import { component, writeBundle } from "../guests.js";
import type { Runnable } from "../graphs.js";
import { benchHost } from "../home.js";
import { pause } from "../measure.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

/** Guests that compute at once: two by themselves, two as invocations, and two more inside of an opening that is invoked. */
const GUESTS = 6;
const SAMPLES = 10;
const GIVEN = "{rounds: 1073741824}";

const INNER = `version: 0
name: inside
inputs: {in: {type: any, required: false}}
outputs: {out: spin.out}
nodes:
  - {id: spin, use: "agent:computes", with: ${GIVEN}}
`;
const OUTER = `version: 0
name: spinning
nodes:
  - {id: a, use: "agent:computes", with: ${GIVEN}}
  - {id: b, use: "agent:computes", with: ${GIVEN}}
  - {id: each, use: "agent:computes", for_each: in, with: {in: [1, 2], rounds: 1073741824}}
  - {id: inside, use: "opening:inside", for_each: in, with: {in: [1, 2]}}
`;

/** Guests that compute without end, wherever they stand in a run, until all of them have stopped and the run's end is durable. */
export const measure: Measure<"cancel"> = async (scratch) => {
  const agents = join(scratch, "agents");
  writeBundle(agents, "computes", await component("computes"));
  const host = benchHost(scratch, [agents]);
  try {
    writeFileSync(join(scratch, "inside.yaml"), INNER);
    const file = join(scratch, "spinning.yaml");
    writeFileSync(file, OUTER);
    const { opening, ...compiled } = await host.compile(file, {});
    if (!opening) throw new Error(compiled.diagnostics.map(({ message }) => message).join("; "));
    const spinning = { ...compiled, opening };
    const times = { interrupted: [] as number[], cancelled: [] as number[] };
    for (let round = 0; round <= SAMPLES; round++)
      for (const way of ["interrupted", "cancelled"] as const) {
        const ms = await stopped(host, spinning, way);
        if (round > 0) times[way].push(ms);
      }
    return {
      values: { interrupted: Math.max(...times.interrupted), cancelled: Math.max(...times.cancelled) },
      beside: [
        `${GUESTS} guests; the longest of ${SAMPLES} runs each. Medians: Ctrl-C ${median(times.interrupted).toFixed(0)} ms, request of another process ${median(times.cancelled).toFixed(0)} ms, of which up to 50 ms until it is seen`,
      ],
    };
  } finally {
    await host.close();
  }
};

/** Milliseconds from the wish to the end. */
async function stopped(host: Host, spinning: Runnable, way: "interrupted" | "cancelled"): Promise<number> {
  const interrupt = new AbortController();
  const { promise: computing, resolve } = Promise.withResolvers<void>();
  let trace: TraceId | undefined;
  let guests = 0;
  const running = startRun(host, spinning, {
    decider: { ask: () => Promise.resolve(null) },
    signals: { interrupt: interrupt.signal },
    onEvent: ({ kind, meta, trace_id }) => {
      trace ??= trace_id; // the outermost run's is the first event of all
      if (kind === "node.started" && !meta.agent.startsWith("opening:") && ++guests === GUESTS) resolve();
    },
  });
  await Promise.race([computing, running]);
  await pause(150);
  const start = performance.now();
  if (way === "interrupted") interrupt.abort(new Error("interrupted"));
  else requestCancel(host.home, trace!, "bench");
  const { status } = await running;
  const ms = performance.now() - start;
  if (status !== (way === "interrupted" ? "parked" : "cancelled")) throw new Error(`the run ended as ${status}`);
  return ms;
}
