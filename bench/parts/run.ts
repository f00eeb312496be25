import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { projectRoot } from "#sdk/build/layout.js";
import { repeated } from "../measure.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

export const composeEmail = join(projectRoot, "examples", "openings", "compose_email.yaml");

/** The real command line in a home with the sample data. */
export const measure: Measure<"run"> = async (scratch) => {
  const home = join(scratch, "home");
  await rlp(home, "kb", "ingest", join(projectRoot, "examples", "data"));
  const compose = (): Promise<void> => rlp(home, "run", composeEmail, "--local", "--yes", "--json");
  const [first] = await repeated({ warmUp: 0, samples: 1 }, compose);
  const times = await repeated({ warmUp: 1, samples: 9 }, compose);
  const node = await repeated({ warmUp: 1, samples: 9 }, () => program(home, ["-e", "0"]));
  return {
    values: { whole: median(times) },
    beside: [
      `quickest ${Math.min(...times).toFixed(0)} ms; the first time, with five agents to admit, ${first!.toFixed(0)} ms; a Node that does nothing ${median(node).toFixed(0)} ms`,
    ],
  };
};

export function rlp(home: string, ...words: readonly string[]): Promise<void> {
  return program(home, [join(projectRoot, "bin", "rlp.cjs"), ...words]);
}

async function program(home: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    env: { PATH: process.env["PATH"], RUNLOOP_HOME: home, NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${complaint}`);
}
