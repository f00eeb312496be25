/** `Date` and `performance` over some clock: QuickJS's own would ask the machine's, which is not there. */
import { install } from "./install.js";

const Real = Date;

/** `now`: milliseconds since 1970; `elapsed`: since the attempt began. */
export function installClock(now: () => number, elapsed: () => number): void {
  function RunDate(this: unknown, ...args: unknown[]): unknown {
    if (new.target === undefined) return new Real(now()).toString();
    return Reflect.construct(Real, args.length === 0 ? [now()] : args, new.target);
  }
  for (const [name, value] of Object.entries({ now, UTC: Real.UTC, parse: Real.parse })) install(name, value, RunDate);
  Object.defineProperty(RunDate, "name", { value: "Date" });
  Object.defineProperty(RunDate, "length", { value: 7 });
  Object.defineProperty(RunDate, "prototype", { value: Real.prototype, writable: false });
  install("constructor", RunDate, Real.prototype);
  install("Date", RunDate);
  install("performance", { now: elapsed, timeOrigin: 0 });
}
