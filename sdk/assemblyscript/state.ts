/** A small key-value store of this node within its run, kept from attempt to attempt. Needs no grant. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { liftStrings, stringAt } from "./abi/lift";
import { address } from "./abi/lower";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/state@0.1.0", "get")
declare function hostGet(key: usize, keyLength: usize, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/state@0.1.0", "set")
declare function hostSet(key: usize, keyLength: usize, value: usize, valueLength: usize, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/state@0.1.0", "delete")
declare function hostDelete(key: usize, keyLength: usize, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/state@0.1.0", "keys")
declare function hostKeys(into: usize): void;

export namespace state {
  /** The value, or null where the key is not set. */
  export function get(key: string): Result<string | null> {
    hostGet(address(key), key.length, AREA);
    if (!succeeded()) return Result.failed<string | null>(error());
    return Result.of<string | null>(load<u8>(VALUE) ? stringAt(VALUE + 4) : null);
  }
  /** `true` when it is stored. */
  export function set(key: string, value: string): Result<bool> {
    hostSet(address(key), key.length, address(value), value.length, AREA);
    return succeeded() ? Result.of<bool>(true) : Result.failed<bool>(error());
  }
  /** `true` when the key is not there any more. */
  export function remove(key: string): Result<bool> {
    hostDelete(address(key), key.length, AREA);
    return succeeded() ? Result.of<bool>(true) : Result.failed<bool>(error());
  }
  /** Sorted. */
  export function keys(): Result<string[]> {
    hostKeys(AREA);
    if (!succeeded()) return Result.failed<string[]>(error());
    return Result.of<string[]>(liftStrings(load<usize>(VALUE), load<usize>(VALUE, 4)));
  }
}
