/**
 * `npm run bench`: measures part after part, each in a process of its own, so that none inherits another's heap or warm code, and
 * prints the table. Goals that are missed are said, and are no failure of the bench; a part that cannot be measured is one.
 */
import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatValue, renderJson, renderTable, type Machine, type Outcome } from "./render.js";
import { onDemand, parts, table, type Figure, type Measured, type Part } from "./table.js";

const HELP = `Usage: npm run bench -- [--only PART]… [--json]

Measures how fast rlp is on this machine and prints the figures beside their goals. Takes some minutes; a machine that does
nothing else meanwhile gives figures worth reading.

  --only PART   this part alone (several: give it again); one of
                ${parts.join(", ")}
                (${[...onDemand].join(", ")}: only where it is named)
  --json        the same as JSON
`;

/** Longer than any part takes on a slow machine. */
const PART_MS = 600_000;

let child: ChildProcess | undefined;

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "number") return options;
  const scratch = mkdtempSync(join(tmpdir(), "rlp-bench-"));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      child?.kill("SIGKILL");
      remove();
      process.exit(130);
    });
  try {
    const machine = thisMachine();
    const outcomes = new Map<Part, Outcome>();
    for (const part of options.parts) {
      process.stderr.write(`measuring ${part} …`);
      const start = Date.now();
      const outcome = await measured(part, join(scratch, part));
      outcomes.set(part, outcome);
      process.stderr.write(` ${brief(part, outcome)} (${((Date.now() - start) / 1000).toFixed(0)} s)\n`);
    }
    process.stderr.write("\n");
    process.stdout.write((options.json ? renderJson : renderTable)(outcomes, machine));
    return [...outcomes.values()].some((outcome) => "failed" in outcome) ? 1 : 0;
  } finally {
    remove();
  }
}

function readOptions(): { readonly parts: readonly Part[]; readonly json: boolean } | number {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const only = values.only.flatMap((name) => name.split(","));
    const unknown = only.find((name) => !parts.some((part) => part === name));
    if (unknown !== undefined) throw new Error(`there is no part \`${unknown}\`: parts are ${parts.join(", ")}`);
    const wanted = (part: Part): boolean => (only.length === 0 ? !onDemand.has(part) : only.includes(part));
    return { parts: parts.filter(wanted), json: values.json };
  } catch (error) {
    process.stderr.write(`error[USAGE]: ${(error as Error).message}\n`);
    return 2;
  }
}

function measured(part: Part, scratch: string): Promise<Outcome> {
  mkdirSync(scratch);
  const running = fork(join(import.meta.dirname, "part.js"), [part, scratch], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // What a person's own shell says must not decide what is measured.
    execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
  });
  child = running;
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ failed: `it took longer than ${PART_MS / 1000} s` });
      running.kill("SIGKILL");
    }, PART_MS);
    running.once("message", (message) => resolve(message as Measured | { failed: string }));
    running.once("error", (error) => resolve({ failed: error.message }));
    running.once("close", (code, signal) => {
      clearTimeout(timer);
      rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
      resolve({ failed: `its process ended early (${signal ?? `exit status ${code}`})` });
    });
  }).then(async (outcome) => {
    if (running.exitCode === null && running.signalCode === null) await new Promise((resolve) => running.once("close", resolve));
    return outcome as Outcome;
  });
}

function brief(part: Part, outcome: Outcome): string {
  if ("failed" in outcome) return `failed: ${outcome.failed}`;
  return Object.entries(table[part] as Record<string, Figure>)
    .map(([key, { unit }]) => formatValue((outcome.values as Record<string, number>)[key]!, unit))
    .join(", ");
}

function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    memoryGib: totalmem() / 2 ** 30,
    system: `${type()} ${release()}`,
    node: process.version,
    load: loadavg()[0] ?? 0,
  };
}

process.exitCode = await main();
