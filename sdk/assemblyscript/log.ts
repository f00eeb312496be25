/** The agent's log. Lines become events of the run. Needs no grant. */
import { address } from "./abi/lower";
import { Json } from "./json/value";

// @ts-ignore: decorator
@external("runloop:agent/log@0.1.0", "write")
declare function write(level: u8, message: usize, messageLength: usize, fields: usize, fieldsLength: usize): void;

function line(level: u8, message: string, fields: Json | null): void {
  const text = fields ? fields.toString() : "";
  write(level, address(message), message.length, address(text), text.length);
}

/** `fields` is an object, or nothing. */
export namespace log {
  export function trace(message: string, fields: Json | null = null): void {
    line(0, message, fields);
  }
  export function debug(message: string, fields: Json | null = null): void {
    line(1, message, fields);
  }
  export function info(message: string, fields: Json | null = null): void {
    line(2, message, fields);
  }
  export function warn(message: string, fields: Json | null = null): void {
    line(3, message, fields);
  }
  export function error(message: string, fields: Json | null = null): void {
    line(4, message, fields);
  }
}
