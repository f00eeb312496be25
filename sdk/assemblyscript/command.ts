/**
 * For programs of the world `command`: standard input, output and error by WASI preview 1, and nothing else of rlp. The same can be
 * written in any language; here it is in this one.
 */
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { stringify } from "./json/writer";
import { decodeUtf8 } from "./utf8";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fdRead(descriptor: u32, vectors: usize, count: u32, read: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fdWrite(descriptor: u32, vectors: usize, count: u32, written: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function procExit(status: u32): void;

/** One vector (address and length), and behind it how many bytes were moved. A function: a failed assertion can come before any global is there. */
function vector(): usize {
  return memory.data(12);
}
const CHUNK = 4096;

/** All of standard input. */
export function readAll(): string {
  let bytes = new Uint8Array(CHUNK);
  let filled = 0;
  while (true) {
    if (filled == bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    store<usize>(vector(), bytes.dataStart + filled);
    store<u32>(vector(), bytes.length - filled, 4);
    const failed = fdRead(0, vector(), 1, vector() + 8);
    const read = <i32>load<u32>(vector(), 8);
    if (failed != 0 || read == 0) break;
    filled += read;
  }
  return decodeUtf8(bytes.subarray(0, filled));
}

function write(descriptor: u32, text: string): void {
  const bytes = String.UTF8.encode(text);
  let at: usize = 0;
  while (at < <usize>bytes.byteLength) {
    store<usize>(vector(), changetype<usize>(bytes) + at);
    store<u32>(vector(), <u32>(bytes.byteLength - at), 4);
    if (fdWrite(descriptor, vector(), 1, vector() + 8) != 0) return;
    at += load<u32>(vector(), 8);
  }
}

/** The invocation: `node`, `attempt`, `with`, and by port the messages of `inputs`. Null where it cannot be read. */
export function invocation(): Json | null {
  const read = parse(readAll());
  return read.ok ? read.value : null;
}

/** The outputs: an object with a value for each port. Call it once, last. */
export function outputs(value: Json): void {
  write(1, stringify(value));
}

/** One line of the log. */
export function say(line: string): void {
  write(2, line + "\n");
}

/** Ends the program; every status but 0 is a failure, and the last lines of the log are its message. */
export function exit(status: u32): void {
  procExit(status);
}

/** What a failed assertion, an index out of bounds or a `throw` becomes: a line of the log, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  say((message ? message : "abort") + " at " + (file ? file : "?") + ":" + line.toString() + ":" + column.toString());
  unreachable();
}
