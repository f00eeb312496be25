/**
 * Memory that crosses the boundary. It is unmanaged: the collector neither sees nor moves it, so an address stays good until
 * it is freed, whatever the guest allocates in between.
 */
import { inside } from "../abort";

/**
 * The host's way to place values here. It must stay cheap and must not call the host: it runs where a guest cannot be
 * suspended, and `heap.alloc` never collects. Blocks are aligned to 16, more than any type of the ABI asks.
 */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  const outer = inside.host;
  inside.host = true;
  const block = size == 0 ? align : heap.alloc(size);
  if (old != 0 && oldSize != 0) {
    memory.copy(block, old, min(oldSize, size));
    heap.free(old);
  }
  inside.host = outer;
  return block;
}

/** Gives a block from the host back. Empty values have an address but no block. */
// @ts-ignore: decorator
@inline
export function release(block: usize, size: usize): void {
  if (size != 0) heap.free(block);
}
