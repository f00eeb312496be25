/**
 * Memories that guests have left behind, for the next ones that begin with the same limits. Mapping a memory with its guard regions,
 * touching it for the first time and unmapping it is most of what a small attempt would cost.
 *
 * Invariants:
 *
 * 1. A memory comes back only when nothing of the guest that had it can ever run again (bind.ts says when that is).
 * 2. It is kept only if it is of its initial size, which it cannot shrink to.
 * 3. All of it is cleared before anybody gets it.
 */
import type { WasmMemory } from "../../component/meter/engine.js";
import { newMemory, PAGE_BYTES } from "../../component/meter/memory.js";
import type { MemoryLimits } from "../../component/meter/protocol.js";
import { MOST_KEPT } from "../places.js";
import { leftBehind } from "./leftovers.js";

/** Of one memory, in bytes: clearing as much takes a tenth of what mapping and touching a part of it does. */
const MOST_BYTES = 2 << 20;
/** Of all that are kept. */
const KEPT_BYTES = 8 << 20;

interface Kept {
  readonly limits: MemoryLimits;
  readonly memory: WasmMemory;
  cleared: boolean;
}

export class Memories {
  /** The one that came back last at the end: its pages are the likeliest to lie in the processor's cache. */
  private readonly kept: Kept[] = [];
  private bytes = 0;
  private clearing = false;

  /** All zeros, and exactly of these limits. */
  take(limits: MemoryLimits): WasmMemory {
    const at = this.kept.findLastIndex((one) => alike(one.limits, limits));
    if (at < 0) return newMemory(limits);
    const [found] = this.kept.splice(at, 1) as [Kept];
    this.bytes -= sizeOf(found.memory);
    if (!found.cleared) clear(found);
    return found.memory;
  }

  /** Takes a memory that nothing can reach any more. Whether it is kept is decided here. */
  giveBack(limits: MemoryLimits, memory: WasmMemory): void {
    const bytes = sizeOf(memory);
    if (bytes !== limits.initial * PAGE_BYTES || bytes > MOST_BYTES || !this.makeRoom(limits, bytes)) return leftBehind(bytes);
    this.kept.push({ limits, memory, cleared: false });
    this.bytes += bytes;
    if (this.clearing) return;
    this.clearing = true;
    setImmediate(this.clearNext);
  }

  /** Where there is no room, those that have not been asked for longest go; but not for one more of a size that there is. */
  private makeRoom(limits: MemoryLimits, bytes: number): boolean {
    const full = (): boolean => this.kept.length >= MOST_KEPT || this.bytes + bytes > KEPT_BYTES;
    if (full() && this.kept.some((one) => alike(one.limits, limits))) return false;
    while (full()) {
      const oldest = sizeOf(this.kept.shift()!.memory);
      this.bytes -= oldest;
      leftBehind(oldest);
    }
    return true;
  }

  /** After the end of the attempt has been sent, one in a turn: a page that the guest had not touched costs a fault here. */
  private readonly clearNext = (): void => {
    const next = this.kept.findLast(({ cleared }) => !cleared);
    this.clearing = next !== undefined;
    if (!next) return;
    clear(next);
    setImmediate(this.clearNext);
  };
}

const alike = (a: MemoryLimits, b: MemoryLimits): boolean => a.initial === b.initial && a.maximum === b.maximum;
const sizeOf = ({ buffer }: WasmMemory): number => buffer.byteLength;

function clear(kept: Kept): void {
  new Uint8Array(kept.memory.buffer).fill(0);
  kept.cleared = true;
}
