/**
 * How WASI's functions, which are answered inside the sandbox process, take and give values. Unlike the calls that go to the
 * control process they are no JSON: bytes stay bytes and a handle is the object that it stands for.
 *
 * Forms: `bool`, 8 to 32 bit integers and floats are what they are in JavaScript, 64 bit integers `bigint`, `char` and `string`
 * text, `list<u8>` `Uint8Array`, other lists and tuples arrays, records objects with `snake_case` members, flags records of
 * booleans, enums their name, options the value or null, variants `{tag, val}`, results `{ok}` or `{err}`, handles a `Resource`.
 */
export type Native =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Resource
  | readonly Native[]
  | { readonly [member: string]: Native };

/** What a handle of one guest stands for. Another guest's handles are other numbers of another table. */
export abstract class Resource {
  /** As the WIT names it: `input-stream`. */
  abstract readonly resource: string;
  /** The guest has let go of it, or has ended. Called once; must not throw. */
  drop(): void {}
}

/**
 * One function. Throws `GuestTrap` where the guest breaks the contract. Only those that `suspends` names may give a promise: the guest
 * stands still until it settles, and it must settle or be rejected when the attempt is cancelled.
 */
export type WasiFunction = (args: readonly Native[]) => Native | Promise<Native>;

/** Whether a function may give a promise. Whatever an interface of the host's outside says may come later; so may bytes of streams. */
export const suspends = (name: string): boolean => SUSPENDING.some((prefix) => name.startsWith(prefix));
const SUSPENDING = ["wasi:io/streams#", "wasi:filesystem/", "wasi:random/random#", "wasi:clocks/wall-clock#now", "wasi:http/"];

/** By interface without its version, and function as the WIT spells it: `wasi:io/streams#[method]input-stream.blocking-read`. */
export type WasiFunctions = ReadonlyMap<string, WasiFunction>;
