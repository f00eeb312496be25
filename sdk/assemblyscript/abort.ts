/** Where the guest is. The host may be called during `run` only, and not from inside an allocation that it asked for itself. */
export namespace inside {
  export let run: bool = false;
  export let host: bool = false;
}

// @ts-ignore: decorator
@external("runloop:agent/log@0.1.0", "write")
declare function write(level: u8, message: usize, messageLength: usize, fields: usize, fieldsLength: usize): void;

const ERROR: u8 = 4;

/** What a failed assertion, an index out of bounds or a `throw` becomes: a line in the log, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  // Flags first: an abort inside of this (out of memory while joining text) must trap at once.
  const canLog = inside.run && !inside.host;
  inside.run = false;
  if (canLog) {
    const text =
      (message ? message : "abort") + " at " + (file ? file : "?") + ":" + line.toString() + ":" + column.toString();
    write(ERROR, changetype<usize>(text), text.length, 0, 0);
  }
  unreachable();
}
