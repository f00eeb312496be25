/** What was thrown through a guest's frames or around them, as the failure that its attempt ends with. */
import { GuestLimit } from "../../component/meter/account.js";
import { LiftTooLarge } from "../abi/lift.js";
import { AttemptFailed, GuestTrap, MemoryExceeded, OUTSIDE_RUN } from "./ends.js";
import { wasm } from "./wasm.js";

export interface Failed {
  readonly kind: "failed";
  readonly failure: { readonly code: string; readonly message: string; readonly retryable: boolean };
  readonly limit?: Limit;
}
interface Limit {
  readonly name: string;
  readonly value: number;
  readonly ceiling: number;
}

/** What a failure's words need to know of the guest. */
export interface Failing {
  /** The cap, what it had, and what it wanted. */
  readonly memoryMib: number;
  readonly memoryBytes: number;
  readonly wantedMib: number;
  /** Whether it was refused memory. */
  readonly refused: boolean;
  /** The end of what it wrote to standard error; empty for nothing. */
  readonly lastWords: string;
}

const MESSAGE = 4096;

/** Cut, and whole characters up to the cut: half a one has no UTF-8, and the control process takes it for an attack. */
export const clip = (text: string, units: number): string => text.slice(0, units).toWellFormed();

export const failed = (code: string, message: string, retryable: boolean, limit?: Limit): Failed => ({
  kind: "failed",
  failure: { code, message: clip(message, MESSAGE), retryable },
  ...(limit && { limit }),
});

export const tooLarge = (name: string, value: number, ceiling: number): Failed =>
  failed("host.component", `the outputs are too large: ${name} ${value}, where ${ceiling} is the limit`, false, {
    name,
    value,
    ceiling,
  });

export function failureOf(error: unknown, guest: Failing): Failed {
  if (error instanceof AttemptFailed)
    return { kind: "failed", failure: error.failure, ...(error.limit && { limit: error.limit }) };
  if (error instanceof LiftTooLarge) return tooLarge("output_bytes", error.limit + 1, error.limit);
  if (error instanceof GuestLimit) return bitten(error);
  const memory = (): Failed =>
    failed(
      "host.memory-exhausted",
      `the guest wanted more than its ${guest.memoryMib} MiB of memory (it had ${guest.memoryBytes} bytes)`,
      true,
      { name: "memory_mib", value: guest.wantedMib, ceiling: guest.memoryMib },
    );
  if (error instanceof MemoryExceeded) return memory();
  if (error instanceof wasm.RuntimeError || error instanceof GuestTrap) {
    // A refused `memory.grow` is no trap; the allocators that agents bring answer it with `unreachable`.
    if (error.message === "unreachable" && guest.refused) return memory();
    const said = guest.lastWords === "" ? "" : `; it said last: ${guest.lastWords}`;
    return failed("host.trap", `the guest trapped: ${error.message}${said}`, true);
  }
  if (error instanceof RangeError) {
    if (/call stack/i.test(error.message)) return tooDeep();
    if (/memory/i.test(error.message))
      return failed("host.memory-exhausted", "there is no memory for another guest in this process", true);
  }
  if (wasm.SuspendError && error instanceof wasm.SuspendError)
    return failed("host.trap", `the guest trapped: ${OUTSIDE_RUN}`, true);
  const words = error instanceof Error ? error.message : String(error);
  return failed("host.component", `the component could not be run: ${words}`, false);
}

function bitten({ code, used, ceiling }: GuestLimit): Failed {
  const limit = (name: string): Limit => ({ name, value: used, ceiling });
  switch (code) {
    case "LIMIT_FUEL":
      return failed("host.fuel-exhausted", `the attempt used up its ${ceiling} units of fuel`, true, limit("fuel"));
    case "LIMIT_UNSUSPENDED": {
      const what = "a start function, allocation or post-return used more fuel than it may";
      return failed("host.fuel-exhausted", what, true, limit("unsuspended_fuel"));
    }
    case "LIMIT_DEPTH":
      return tooDeep(limit("depth"));
  }
}

const tooDeep = (limit?: Limit): Failed => failed("host.depth-exhausted", "the guest's calls are nested too deeply", true, limit);
