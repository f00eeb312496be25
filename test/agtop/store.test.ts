import { describe, expect, test } from "vitest";
import { emptyModel } from "../../tools/agtop/model.js";
import { Store, type Clock } from "../../tools/agtop/store.js";

/** A clock that moves when it is told to. */
class HandClock implements Clock {
  #now = 0;
  readonly #due: { at: number; run: () => void }[] = [];
  readonly now = (): number => this.#now;
  readonly after = (ms: number, run: () => void): void => void this.#due.push({ at: this.#now + ms, run });
  advance(ms: number): void {
    this.#now += ms;
    for (const { run } of this.#due.splice(0).filter((timer) => timer.at <= this.#now || !this.#due.push(timer))) run();
  }
}

function start() {
  const clock = new HandClock();
  const store = new Store(emptyModel(), clock);
  const seen: number[] = [];
  store.subscribe(() => seen.push(store.snapshot().model.invalid));
  const push = (count = 1) => store.push(Array.from({ length: count }, () => ({ type: "invalid", text: "x" }) as const));
  return { clock, store, seen, push };
}

test("50,000 lines a second make no more than 30 frames, and the last one shows everything", () => {
  const { clock, seen, push } = start();
  for (let ms = 0; ms < 1000; ms++) {
    push(50);
    clock.advance(1);
  }
  clock.advance(100);
  expect(seen.length).toBeLessThanOrEqual(32);
  expect(seen.length).toBeGreaterThan(20);
  expect(seen.at(-1)).toBe(50_000);
});

test("a single line after a quiet time is shown at once", () => {
  const { clock, seen, push } = start();
  clock.advance(1000);
  push();
  clock.advance(0);
  expect(seen).toEqual([1]);
});

test("without news nothing is drawn", () => {
  const { clock, store, seen } = start();
  store.push([]);
  clock.advance(1000);
  expect(seen).toEqual([]);
});

describe("paused", () => {
  test("the screen stands still, the input goes on, and going on shows it all", () => {
    const { clock, store, seen, push } = start();
    push();
    clock.advance(100);
    store.togglePause();
    clock.advance(100);
    push(10);
    clock.advance(100);
    expect(store.snapshot()).toMatchObject({ paused: true, model: { invalid: 1 } });
    expect(store.live.invalid).toBe(11);
    store.togglePause();
    clock.advance(100);
    expect(seen.at(-1)).toBe(11);
  });

  test("the end of the input is told, with what came just before it", () => {
    const { clock, store, push } = start();
    clock.advance(100);
    push();
    clock.advance(0);
    store.end();
    clock.advance(100);
    expect(store.snapshot()).toMatchObject({ ended: true, model: { invalid: 1 } });
  });
});
