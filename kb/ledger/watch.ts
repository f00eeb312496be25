/**
 * Looks for the next batch for up to a millisecond before the thread goes to sleep: whoever waited for the last commit often appends again
 * at once, and to wake a thread takes longer than to place a few rows. Where nothing comes in time it is given up, and tried again more and
 * more seldom.
 */
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";

/** How long it looks, in milliseconds: what some twenty writers take to be told and to append again where the clock is slow, twice over. */
const LOOK_MS = 1;
/** After so many commits in a row that nothing followed in time, one in so many is still looked behind. */
const MOST_SELDOM = 256;

export class Watch {
  readonly #port: MessagePort;
  /** Commits that are not looked behind, since the last ones were followed late. */
  #pause = 0;
  #left = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Call it when nothing else is to be done in this thread until a message comes, timers included. Undefined where none came in time. */
  look(): unknown {
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    const until = performance.now() + LOOK_MS;
    do {
      const received = receiveMessageOnPort(this.#port);
      if (received) {
        this.#pause = 0;
        return received.message;
      }
    } while (performance.now() < until);
    this.#pause = Math.min(2 * this.#pause + 1, MOST_SELDOM);
    this.#left = this.#pause;
    return undefined;
  }
}
