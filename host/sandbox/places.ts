/** A line of guests that wait for a place: first come, first served, and whoever gives up leaves it. */
import { readFileSync } from "node:fs";

export const NO_PLACE = "it was cancelled before there was a place";

/**
 * Measured safe, with those that are kept beside them; a process stops at about 16,000 memories, since each reserves 8 to 10 GB of 47
 * bits of address space.
 */
const MOST_MEMORIES = 8000;
/** Mappings that an instance costs at most: its memory with guards, its stack, a share of its code. */
const MAPS_PER_INSTANCE = 7;
/** Memories without a guest that a process keeps for the next ones (inside/memories.ts), and the mappings of these. */
export const MOST_KEPT = 32;
const KEPT_MAPS = 3 * MOST_KEPT;

export class Places {
  private left: number;
  private readonly line: ((granted: boolean) => void)[] = [];

  constructor(places: number) {
    this.left = places;
  }

  /** True with a place, which `free` gives back; false where there is none, and `signal` comes first. */
  take(signal: AbortSignal): Promise<boolean> {
    if (this.left > 0) {
      this.left--;
      return Promise.resolve(true);
    }
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (granted: boolean): void => {
        signal.removeEventListener("abort", leave);
        resolve(granted);
      };
      const leave = (): void => {
        this.line.splice(this.line.indexOf(settle), 1);
        settle(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.line.push(settle);
    });
  }

  /** The place goes to whoever waits the longest: nobody who comes meanwhile gets in between. */
  free(): void {
    const next = this.line.shift();
    if (next) next(true);
    else this.left++;
  }
}

/** Guests that one process can hold before the operating system ends it: `vm.max_map_count` aborts a process that passes it. */
export function mostInProcess(asked: number = MOST_MEMORIES, maxMaps: number | null = systemMaps()): number {
  const byMaps = maxMaps === null ? Infinity : Math.floor((maxMaps - KEPT_MAPS) / MAPS_PER_INSTANCE);
  return Math.max(1, Math.min(asked, MOST_MEMORIES, byMaps));
}

function systemMaps(): number | null {
  try {
    const maps = Number(readFileSync("/proc/sys/vm/max_map_count", "utf8"));
    return Number.isInteger(maps) && maps > 0 ? maps : null;
  } catch {
    return null; // no Linux: address space is what ends a process there
  }
}
