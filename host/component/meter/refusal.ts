import { RlpError } from "#core/errors.js";

export type MeterCode =
  /** Not a core module, truncated, or not valid WebAssembly. */
  | "METER_MALFORMED"
  /** Valid, and outside the closed list of features; the message names the opcode, section or type. */
  | "METER_UNSUPPORTED"
  /** The guest imports from `rlp` or uses a name that begins with `rlp:`. */
  | "METER_RESERVED_NAME"
  /** A count, a size or a nesting passes its cap. */
  | "METER_TOO_LARGE"
  /** A memory needs more pages at the start than the cap allows. */
  | "METER_MEMORY"
  /** A table needs more elements at the start than the cap allows, or there are too many tables. */
  | "METER_TABLE"
  /** The rewritten module failed its own proof: never the guest's fault, and never to be run. */
  | "METER_UNPROVEN";

/** Why a core module cannot be metered. `place.at` is the byte offset in the module, where one is known. */
export class MeterError extends RlpError<MeterCode> {
  readonly family = "meter";

  constructor(code: MeterCode, message: string, offset?: number) {
    super(code, message, offset === undefined ? {} : { place: { at: `byte ${offset}` } });
  }
}
