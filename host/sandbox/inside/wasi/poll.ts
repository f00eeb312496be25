/**
 * `wasi:io/poll`. Invariant: whether a pollable is ready follows from what the guest itself has done, never from how fast the world
 * is. What the host does for a guest it does within the call that asks for it, so streams are always ready; only time makes a
 * pollable wait, and the guest's time is its own (`clock.ts`), or something that the guest itself has yet to do. So every poll gives the same in a replay.
 */
import { GuestTrap } from "../ends.js";
import { Resource, type Native, type WasiFunction } from "./contract.js";
import type { VirtualClock } from "./clock.js";
import { resourceOf } from "./values.js";

export abstract class Pollable extends Resource {
  readonly resource = "pollable";
  /** When it becomes ready, in nanoseconds of the guest's clock (`VirtualClock.elapsed`); {@link NEVER} by waiting alone. */
  abstract readonly due: bigint;
}

/** After every instant of a clock: while the guest waits nothing will come, since it is the guest that has something to do first. */
export const NEVER = 2n ** 64n;

/** Of everything that has its answer within the call that asks. */
export class AlwaysReady extends Pollable {
  readonly due = 0n;
}

export class Timer extends Pollable {
  readonly due: bigint;
  constructor(due: bigint) {
    super();
    this.due = due;
  }
}

/** What each of a poll's pollables costs; a list may name one many times. */
const POLLED_FUEL = 100;

export function pollFunctions(clock: VirtualClock, pay: (fuel: number) => void): readonly (readonly [string, WasiFunction])[] {
  const pollable = (value: Native | undefined): Pollable => resourceOf(Pollable, value);
  const wait = (due: bigint): void => {
    if (due === NEVER)
      throw new GuestTrap("wasi:io/poll: this would wait for ever: a request is sent when its body is finished, and it is not");
    clock.sleepUntil(due);
  };
  return [
    ["[method]pollable.ready", ([self]) => pollable(self).due <= clock.elapsed()],
    [
      "[method]pollable.block",
      ([self]) => {
        wait(pollable(self).due);
        return null;
      },
    ],
    [
      "poll",
      ([given]) => {
        const all = (given as readonly Native[]).map(pollable);
        pay(POLLED_FUEL * all.length);
        if (all.length === 0) throw new GuestTrap("wasi:io/poll: a poll of nothing would never end");
        // Asked of once: what `elapsed` says moves with the fuel, and all must be held against the same moment.
        wait(all.reduce((least, { due }) => (due < least ? due : least), all[0]!.due));
        const now = clock.elapsed();
        return all.flatMap(({ due }, index) => (due <= now ? [index] : []));
      },
    ],
  ];
}
