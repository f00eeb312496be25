/** Places values for the host. What is placed refers to the guest's own strings, which therefore must be kept alive by the caller. */
import { PAIR } from "./lift";

// @ts-ignore: decorator
@inline
export function address(text: string): usize {
  return changetype<usize>(text);
}

// @ts-ignore: decorator
@inline
export function placeString(at: usize, text: string): void {
  store<usize>(at, address(text));
  store<usize>(at, text.length, 4);
}

/** A `list<string>`; gives the block, to be freed by the caller after the call. */
export function placeStrings(texts: string[]): usize {
  const block = heap.alloc(<usize>texts.length * PAIR);
  for (let i = 0; i < texts.length; i++) placeString(block + <usize>i * PAIR, texts[i]);
  return block;
}
