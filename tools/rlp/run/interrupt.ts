/** Ctrl-C: the first one stops a run so that it can be resumed, the second one ends the process at once. */
import { Exit } from "#core/errors.js";
import type { World } from "../context.js";
import type { Output } from "../output.js";

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Whether a person asked for it (a closed pipe asks too, silently). */
  readonly byPerson: boolean;
  /** As if Ctrl-C had been typed: a question that is being asked reads it itself. */
  now(): void;
  stop(): void;
}

export function listenForInterrupt(world: World, out: Output): Interrupt {
  const controller = new AbortController();
  let typed = 0;
  const now = (): void => {
    typed++;
    if (typed > 1) return world.exit(Exit.interrupted);
    out.complain("interrupting; the run can be resumed (Ctrl-C again ends it at once)");
    controller.abort(new Error("interrupted"));
    return undefined;
  };
  const forget = world.onInterrupt(now);
  const readerGone = (): void => controller.abort(new Error("nobody reads standard output any more"));
  out.closed.addEventListener("abort", readerGone, { once: true });
  return {
    signal: controller.signal,
    get byPerson() {
      return typed > 0;
    },
    now,
    stop() {
      forget();
      out.closed.removeEventListener("abort", readerGone);
    },
  };
}
