/** What the compiler starts from for the world `command`. Stands beside `agent.ts` during the build. */
import { main } from "./agent";

/** The adapter places its own state by this: by growing the memory behind the allocator's back it would be overwritten. */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  return old == 0 ? (size == 0 ? align : heap.alloc(size)) : heap.realloc(old, size);
}

export function _start(): void {
  main();
}
