/**
 * Timers without time: no agent sleeps, since nothing happens while it does. A timer fires when nothing else is left to run, in the order in
 * which the timers would be due.
 */
interface Timer {
  readonly id: number;
  readonly due: number;
  readonly run: () => void;
  readonly every: number | null;
}

let timers: Timer[] = [];
let last = 0;
/** When the last timer was due: what it sets up itself is due after it. */
let now = 0;

const delay = (ms: unknown): number => Math.max(0, Number(ms) || 0);

function add(callback: unknown, ms: unknown, repeats: boolean, args: readonly unknown[]): number {
  if (typeof callback !== "function") throw new TypeError("a timer's callback is no function");
  const wait = delay(ms);
  const id = ++last;
  timers.push({
    id,
    due: now + wait,
    run: () => void (callback as (...all: unknown[]) => unknown)(...args),
    every: repeats ? wait : null,
  });
  return id;
}

export const setTimeout = (callback: unknown, ms?: unknown, ...args: unknown[]): number => add(callback, ms, false, args);
export const setInterval = (callback: unknown, ms?: unknown, ...args: unknown[]): number => add(callback, ms, true, args);
export function clearTimer(id: unknown): void {
  timers = timers.filter((timer) => timer.id !== id);
}

/** Runs the timer that is due first; false where there is none. What it throws ends nothing, as in a browser: it is passed on. */
export function nextTimer(): boolean {
  let first = timers[0];
  if (!first) return false;
  for (const timer of timers) if (timer.due < first.due) first = timer;
  const { id, due, every, run } = first;
  now = due;
  timers = timers.filter((timer) => timer.id !== id);
  if (every !== null) timers.push({ ...first, due: due + Math.max(every, 1) });
  run();
  return true;
}
