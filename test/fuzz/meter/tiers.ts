/** The tiers of the engine, each a process with its own flags. */
import { ENGINE_OPTIONS } from "#host/component/meter/protocol.js";
import { Answering } from "../answering.js";
import type { Answer, Question } from "./tier.js";

/** What each process compiles with. `climbing` changes tiers in the midst of a run, and inlines as the sandbox processes do. */
export const TIERS: Readonly<Record<string, readonly string[]>> = {
  baseline: ["--liftoff-only"],
  optimised: ["--no-liftoff", "--no-wasm-lazy-compilation"],
  climbing: ["--wasm-tiering-budget=200", ...ENGINE_OPTIONS],
};
export class Tier {
  readonly name: string;
  readonly #process: Answering<Question, Answer>;

  constructor(name: string) {
    this.name = name;
    this.#process = new Answering("meter/tier.js", TIERS[name] ?? []);
  }

  async ask(question: Question): Promise<Answer> {
    const answer = await this.#process.ask(question);
    return "ended" in answer ? { ok: false, rule: answer.ended, message: answer.ended, tape: question.tape ?? [] } : answer;
  }

  close(): void {
    this.#process.close();
  }
}
