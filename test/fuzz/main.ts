/**
 * `npm run fuzz -- <what> [--minutes N] [--programs N] [--seed S] [--tape a,b,c]`: long fuzz runs, which the test suite has short
 * versions of. Ends with 1 if something was found, and says how to repeat it.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe as describeAbi, fuzzAbi } from "./abi/run.js";
import { describe as describeComponents, fuzzComponents } from "./component/run.js";
import { describe as describeOpenings, fuzzOpenings } from "./openings/run.js";
import { describe, fuzzMetering, repeatMetering } from "./meter/run.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string" }, programs: { type: "string" }, seed: { type: "string" }, tape: { type: "string" } },
});
const began = Date.now();
const say = (line: string): void => {
  process.stdout.write(`${((Date.now() - began) / 60_000).toFixed(1)} min  ${line}\n`);
};
const seed = Number(values.seed ?? 1);
const programs = Number(values.programs ?? Infinity);
const until = began + Number(values.minutes ?? (values.programs ? Infinity : 1)) * 60_000;

switch (positionals[0] ?? "meter") {
  case "meter":
    if (values.tape === undefined) {
      const tally = await fuzzMetering({ seed, programs, until }, say);
      say(describe(tally));
      process.exitCode = tally.findings.length > 0 ? 1 : 0;
    } else process.exitCode = (await repeatMetering(values.tape.split(",").map(Number), say)) ? 0 : 1;
    break;
  case "component": {
    const root = join(import.meta.dirname, "..", "..");
    const corpus = globSync(["agents/*/agent.wasm", "examples/agents/*/agent.wasm"], { cwd: root }).map((path) =>
      join(root, path),
    );
    const tally = await fuzzComponents(corpus.sort(), { seed, programs, until }, say);
    say(describeComponents(tally));
    process.exitCode = tally.findings > 0 ? 1 : 0;
    break;
  }
  case "abi": {
    const tally = await fuzzAbi({ seed, programs, until }, say);
    say(describeAbi(tally));
    process.exitCode = tally.findings > 0 ? 1 : 0;
    break;
  }
  case "openings": {
    const root = join(import.meta.dirname, "..", "..");
    const files = globSync(["test/openings/corpus/*.{yaml,opening}", "examples/*/*.{yaml,opening}"], { cwd: root }).sort();
    const corpus = files.map((path) => new Uint8Array(readFileSync(join(root, path))));
    const tally = fuzzOpenings(corpus, { seed, programs, until }, say);
    say(describeOpenings(tally));
    process.exitCode = tally.findings > 0 ? 1 : 0;
    break;
  }
  default:
    process.stderr.write(`there is no fuzz run \`${positionals[0]}\`: meter, component, abi, openings\n`);
    process.exitCode = 2;
}
