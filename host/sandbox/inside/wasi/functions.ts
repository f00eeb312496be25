/** Everything of WASI that a guest of ours can be given, for one attempt; each call and its answer go into the transcript. */
import type { Transcript } from "../transcript.js";
import { cliFunctions, type Stdio } from "./cli.js";
import type { VirtualClock } from "./clock.js";
import { monotonicFunctions, wallFunctions } from "./clocks.js";
import type { Native, WasiFunction, WasiFunctions } from "./contract.js";
import { errorFunctions } from "./error.js";
import { pollFunctions } from "./poll.js";
import { inertRandom, insecureFunctions, insecureSeedFunctions, randomFunctions } from "./random.js";
import type { SeededRandom } from "./randomness.js";
import { streamFunctions } from "./streams.js";

export interface WasiWorld {
  readonly clock: VirtualClock;
  /** The attempt's stream; null where the grant has no `random`. */
  readonly random: SeededRandom | null;
  /** This machine's time in milliseconds since 1970-01-01T00:00:00Z; null where dates are the run's own. */
  readonly realMs: (() => Promise<number>) | null;
  readonly stdio: Stdio;
  readonly transcript: Transcript;
  /** Takes fuel for work that the border does not see; may end the attempt by throwing. */
  readonly pay: (fuel: number) => void;
  /** Called before each answer; may end the attempt by throwing. */
  readonly before: () => void;
}

type Functions = readonly (readonly [string, WasiFunction])[];

/** `more`: interfaces of others, by their names (`wasi:filesystem/types`). */
export function wasiFunctions(world: WasiWorld, more: Readonly<Record<string, Functions>> = {}): WasiFunctions {
  const { clock, random } = world;
  const insecure = random ?? inertRandom();
  const given: Record<string, Functions> = {
    "wasi:io/error": errorFunctions,
    "wasi:io/poll": pollFunctions(clock, world.pay),
    "wasi:io/streams": streamFunctions,
    "wasi:clocks/monotonic-clock": monotonicFunctions(clock),
    "wasi:clocks/wall-clock": wallFunctions(clock, world.realMs),
    ...(random && { "wasi:random/random": randomFunctions(random) }),
    "wasi:random/insecure": insecureFunctions(insecure),
    "wasi:random/insecure-seed": insecureSeedFunctions(insecure),
    ...Object.fromEntries(Object.entries(cliFunctions(world.stdio)).map(([name, list]) => [`wasi:cli/${name}`, list])),
    ...more,
  };
  return new Map(
    Object.entries(given).flatMap(([name, functions]) =>
      functions.map(([func, answer]) => [`${name}#${func}`, recorded(`${name}#${func}`, answer, world)] as const),
    ),
  );
}

function recorded(name: string, answer: WasiFunction, { transcript, before }: WasiWorld): WasiFunction {
  return (args) => {
    before();
    transcript.call(name, args);
    const value = answer(args);
    return value instanceof Promise ? value.then((settled) => said(transcript, settled)) : said(transcript, value);
  };
}

function said(transcript: Transcript, value: Native): Native {
  transcript.value(value);
  return value;
}
