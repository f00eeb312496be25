/** Reads values that the host has placed, and frees the blocks they came in. Strings are UTF-16, so a length counts units. */
import { release } from "./memory";

/** Bytes of a `string` or `list` in memory: address and length. */
export const PAIR: usize = 8;

export function liftString(address: usize, length: usize): string {
  if (length == 0) return "";
  const text = __new(length << 1, idof<string>());
  memory.copy(text, address, length << 1);
  release(address, length);
  return changetype<string>(text);
}

/** The string whose address and length stand at `pair`. */
// @ts-ignore: decorator
@inline
export function stringAt(pair: usize): string {
  return liftString(load<usize>(pair), load<usize>(pair, 4));
}

export function liftBytes(address: usize, length: usize): Uint8Array {
  const bytes = new Uint8Array(<i32>length);
  memory.copy(bytes.dataStart, address, length);
  release(address, length);
  return bytes;
}

export function liftStrings(address: usize, length: usize): string[] {
  const strings = new Array<string>(<i32>length);
  for (let i: usize = 0; i < length; i++) strings[<i32>i] = stringAt(address + i * PAIR);
  release(address, length);
  return strings;
}
