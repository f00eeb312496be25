/** One tier of the engine: a process with its own flags that checks one program after another, and says what it saw by a digest. */
import { createHash } from "node:crypto";
import { answering } from "../answering.js";
import { Choices } from "../choices.js";
import { check, Difference, type Checked } from "./check.js";

/** A seed, or a tape: a line of JSON on standard input. */
export interface Question {
  readonly seed?: number;
  readonly tape?: readonly number[];
  /** The whole of what was seen instead of its digest. */
  readonly whole?: boolean;
}
/** The answer to each, a line on standard output. */
export type Answer =
  | (Omit<Checked, "seen"> & { readonly ok: true; readonly seen: string })
  | { readonly ok: false; readonly rule: string; readonly message: string; readonly tape: readonly number[] };

async function answer({ seed, tape, whole }: Question): Promise<Answer> {
  const choices = tape ? Choices.replaying(tape) : Choices.seeded(seed as number);
  try {
    const checked = await check(choices);
    return { ok: true, ...checked, seen: whole ? checked.seen : createHash("sha256").update(checked.seen).digest("hex") };
  } catch (error) {
    const rule =
      error instanceof Difference ? error.rule.replace(/\d+/g, "N") : String(error).split("\n", 1)[0]?.replace(/\d+/g, "N");
    return {
      ok: false,
      rule: rule ?? "",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      tape: choices.tape,
    };
  }
}

await answering(answer);
