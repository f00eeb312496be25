/**
 * What metering costs: CPU-bound AssemblyScript guests, metered against unmetered. Each side runs in a process of its own: the
 * metered one with the engine's options of a sandbox process, the unmetered one as plain Node would, and once more with the same
 * options, so that what these give to both is not counted as metering's.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ENGINE_OPTIONS } from "#host/component/meter/protocol.js";
import type { GuestRun } from "./metering-child.js";

export interface MeteringRow {
  readonly guest: string;
  /** Milliseconds of the quickest run. */
  readonly plain: number;
  readonly plainSameOptions: number;
  readonly metered: number;
}
export interface MeteringReport {
  readonly rows: readonly MeteringRow[];
  /** Geometric mean of metered to plain; the goal is at most 1.35. */
  readonly ratio: number;
  /** The same with the metered side's engine options on both sides: the stricter figure. */
  readonly ratioSameOptions: number;
}

function side(mode: "plain" | "metered", options: readonly string[]): GuestRun[] {
  const child = fileURLToPath(new URL("metering-child.js", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [...options, child, mode], { encoding: "utf8" })) as GuestRun[];
}

/** The quickest of several processes: the compiler's decisions differ a little from one to the next. */
function quickest(runs: readonly GuestRun[][]): GuestRun[] {
  const [first = []] = runs;
  return first.map((run, index) => ({ ...run, ms: Math.min(...runs.map((guests) => guests[index]?.ms ?? Infinity)) }));
}

/** Takes about ten seconds a round. */
export function benchMetering(processes = 2): MeteringReport {
  const turns = Array.from({ length: processes }, () => ({
    plain: side("plain", []),
    same: side("plain", ENGINE_OPTIONS),
    metered: side("metered", ENGINE_OPTIONS),
  }));
  const plain = quickest(turns.map((turn) => turn.plain));
  const same = quickest(turns.map((turn) => turn.same));
  const metered = quickest(turns.map((turn) => turn.metered));
  const rows = plain.map((run, index): MeteringRow => {
    const other = metered[index] as GuestRun;
    if (other.result !== run.result) throw new Error(`${run.guest} differs when metered: ${other.result}, not ${run.result}`);
    return {
      guest: run.guest,
      plain: run.ms,
      plainSameOptions: (same[index] as GuestRun).ms,
      metered: other.ms,
    };
  });
  const mean = (ratioOf: (row: MeteringRow) => number): number =>
    Math.exp(rows.reduce((sum, row) => sum + Math.log(ratioOf(row)), 0) / rows.length);
  return {
    rows,
    ratio: mean((row) => row.metered / row.plain),
    ratioSameOptions: mean((row) => row.metered / row.plainSameOptions),
  };
}
