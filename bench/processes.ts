/** `processes.js <json>`: calls `rlp` once with each of these lists of words, one after the other, and prints how long each took, in milliseconds. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { timed } from "./measure.js";

const launcher = join(import.meta.dirname, "..", "..", "bin", "rlp.cjs");
const commands = JSON.parse(process.argv[2]!) as readonly (readonly string[])[];

const times: number[] = [];
for (const words of commands)
  times.push(
    await timed(async () => {
      const child = spawn(process.execPath, [launcher, ...words], { stdio: ["ignore", "pipe", "inherit"] });
      child.stdout.resume();
      const [code] = (await once(child, "close")) as [number];
      if (code !== 0) throw new Error(`rlp ${words.join(" ")} ended with ${code}`);
    }),
  );
process.stdout.write(JSON.stringify(times));
