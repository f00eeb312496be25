/** `--seed` and `--epoch`, for every command that begins a run. */
import type { Command } from "commander";
import { wholeNumber } from "../whole-number.js";

export interface SeedFlags {
  readonly seed?: number;
  readonly epoch?: number;
}

/** The last moment that a date can hold (ECMA-262, 21.4.1.1). */
const LAST_MOMENT = 8_640_000_000_000_000;

/** `otherwise` says what they are where they are not given. */
export function seedOptions(command: Command, otherwise?: string): Command {
  const seed = otherwise ?? "drawn";
  const epoch = otherwise === undefined ? "" : `; ${otherwise} where it is not given`;
  return command
    .option(
      "--seed <n>",
      `the run's seed, 0 to 2^53 − 1; ${seed} where it is not given`,
      wholeNumber("--seed", Number.MAX_SAFE_INTEGER),
    )
    .option(
      "--epoch <ms>",
      `where the agents' clock starts, in milliseconds since 1970${epoch}`,
      wholeNumber("--epoch", LAST_MOMENT),
    );
}
