/** Between the input, which comes as fast as it can, and the screen, which is drawn a few times a second. */
import { fold, type Model } from "./model.js";
import type { Entry } from "./line.js";

/** Milliseconds between two frames: 30 a second at most. */
export const FRAME_MS = 1000 / 30;

export interface Clock {
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => void;
}

export interface Snapshot {
  readonly model: Model;
  readonly paused: boolean;
  /** The input has ended. */
  readonly ended: boolean;
}

/** Folds at once, tells its listeners at most once a frame. While paused the shown model stands still and the input goes on. */
export class Store {
  #live: Model;
  #snapshot: Snapshot;
  #scheduled = false;
  #lastFrame = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<() => void>();

  constructor(
    model: Model,
    readonly clock: Clock,
  ) {
    this.#live = model;
    this.#snapshot = { model, paused: false, ended: false };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  /** The model as it is, paused or not. */
  get live(): Model {
    return this.#live;
  }

  push(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#live = fold(this.#live, entries);
    if (!this.#snapshot.paused) this.#schedule();
  }

  end(): void {
    this.#snapshot = { ...this.#snapshot, ended: true };
    this.#schedule();
  }

  togglePause(): void {
    this.#snapshot = { ...this.#snapshot, paused: !this.#snapshot.paused };
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.after(Math.max(0, this.#lastFrame + FRAME_MS - this.clock.now()), () => {
      this.#scheduled = false;
      this.#lastFrame = this.clock.now();
      const { paused, ended } = this.#snapshot;
      this.#snapshot = { model: paused ? this.#snapshot.model : this.#live, paused, ended };
      for (const listener of this.#listeners) listener();
    });
  }
}
