/** Reads changed components one after another, in a process with little memory: each is refused or admitted, and soon. */
import { readFileSync } from "node:fs";
import { inspect } from "#host/component/inspect/inspect.js";
import { Refusal } from "#host/component/inspect/refusal.js";
import { MeterError } from "#host/component/meter/refusal.js";
import { meterModule } from "#host/component/meter/meter.js";
import { answering } from "../answering.js";
import { Choices } from "../choices.js";
import { mutate } from "./mutate.js";

export interface Question {
  /** Files of components: one is changed, pieces come from all of them. */
  readonly corpus: readonly string[];
  readonly seed?: number;
  readonly tape?: readonly number[];
  readonly memoryPages: number;
}
export interface Answer {
  /** Refused by code, admitted, or something that must not be. */
  readonly end:
    | { readonly refused: string }
    | { readonly admitted: string }
    | { readonly wrong: string; readonly message: string };
  readonly tape: readonly number[];
  readonly cpuMs: number;
}

const files = new Map<string, Uint8Array>();
function fileOf(path: string): Uint8Array {
  const bytes = files.get(path) ?? new Uint8Array(readFileSync(path));
  files.set(path, bytes);
  return bytes;
}

export function mutant(corpus: readonly Uint8Array[], choices: Choices): Uint8Array {
  const one = choices.pick(corpus);
  return mutate(one, choices.pick(corpus), choices);
}

export function read(bytes: Uint8Array, memoryPages: number): Answer["end"] {
  try {
    for (const module of inspect(bytes).modules) meterModule(module.bytes, { memoryPages });
    return { admitted: Buffer.from(bytes).toString("base64") };
  } catch (error) {
    if (error instanceof Refusal || (error instanceof MeterError && error.code !== "METER_UNPROVEN"))
      return { refused: error.code };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { wrong: text.split("\n").slice(0, 2).join(" ").replace(/\d+/g, "N"), message: text };
  }
}

async function answer({ corpus, seed, tape, memoryPages }: Question): Promise<Answer> {
  const choices = tape ? Choices.replaying(tape) : Choices.seeded(seed as number);
  const bytes = mutant(corpus.map(fileOf), choices);
  const before = process.cpuUsage();
  const end = read(bytes, memoryPages);
  const { user, system } = process.cpuUsage(before);
  return { end, tape: choices.tape, cpuMs: (user + system) / 1_000 };
}

if (process.argv[1]?.endsWith("reader.js")) await answering(answer);
