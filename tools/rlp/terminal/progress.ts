/** One line that says how far something is: count, rate, time left. Only on a terminal; nothing is left of it at the end. */
import type { Output } from "../output.js";

/** Milliseconds between two looks. */
const EVERY = 200;

export class Progress {
  readonly #out: Output;
  readonly #what: string;
  readonly #now: () => number;
  readonly #began: number;
  #last = 0;
  #first: number | undefined;
  #shown = false;

  constructor(out: Output, what: string, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#what = what;
    this.#now = now;
    this.#began = now();
  }
  /** `of` is 0 where it is not known; `more` stands at the end. */
  at(done: number, of = 0, more = ""): void {
    const now = this.#now();
    this.#first ??= done;
    if (now - this.#last < EVERY) return;
    this.#last = now;
    const line = progressLine(this.#what, { done, of, fresh: done - this.#first, ms: now - this.#began });
    this.#shown = this.#out.transient(more === "" ? line : `${line}, ${more}`);
  }
  end(): void {
    if (this.#shown) this.#out.transient("");
  }
}

/** `1,200 of 5,000 parts, 2,400/s, 2 s left`. */
export function progressLine(
  what: string,
  { done, of, fresh, ms }: { readonly done: number; readonly of: number; readonly fresh: number; readonly ms: number },
): string {
  const rate = ms > 0 ? (fresh * 1000) / ms : 0;
  const whole = (value: number): string => Math.round(value).toLocaleString("en");
  const left = of > done && rate > 0 ? `, ${time((of - done) / rate)} left` : "";
  return `${whole(done)}${of > 0 ? ` of ${whole(of)}` : ""} ${what}, ${whole(rate)}/s${left}`;
}

function time(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
