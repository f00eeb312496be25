import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { newTraceId } from "#core/ids.js";
import { projectRoot } from "#sdk/build/layout.js";
import { repeated } from "../measure.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";
import { composeEmail, rlp } from "./run.js";

const EVENTS = 200_000;

/** A long recording is poured into agtop's standard input; the time is its process's, from start to summary. */
export const measure: Measure<"agtop"> = async (scratch) => {
  const home = join(scratch, "home");
  const trace = join(scratch, "trace.ndjson");
  await rlp(home, "kb", "ingest", join(projectRoot, "examples", "data"));
  await rlp(home, "run", composeEmail, "--local", "--yes", "--json", "--trace-out", trace);
  const events = readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line.startsWith('{"') && line.includes('"kind"'));
  const recording = join(scratch, "recording.ndjson");
  const copies = Math.ceil(EVENTS / events.length);
  await pipeline(function* () {
    const text = `${events.join("\n")}\n`;
    const id = (JSON.parse(events[0]!) as { trace_id: string }).trace_id;
    for (let copy = 0; copy < copies; copy++) yield text.replaceAll(id, newTraceId());
  }, createWriteStream(recording));
  const times = await repeated({ warmUp: 1, samples: 3 }, () => agtop(recording));
  const start = await repeated({ warmUp: 1, samples: 3 }, () => agtop(trace));
  const count = copies * events.length;
  return {
    values: { events: (count * 1000) / median(times) },
    beside: [
      `${count.toLocaleString("en")} events of ${copies.toLocaleString("en")} runs through a pipe, its start included; a single run takes ${median(start).toFixed(0)} ms`,
    ],
  };
};

async function agtop(recording: string): Promise<void> {
  const child = spawn(process.execPath, [join(projectRoot, "bin", "agtop.cjs")], { stdio: ["pipe", "ignore", "inherit"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  await pipeline(createReadStream(recording, { highWaterMark: 1 << 16 }), child.stdin);
  const [code] = await closed;
  if (code !== 0) throw new Error(`agtop ended with ${code}`);
}
