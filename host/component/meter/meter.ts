/**
 * Metering: a core module in, the same module out that pays fuel for what it runs, stops at a depth, and cannot grow its memory
 * beyond a cap. Pure: no clock, no files, nothing but the engine's validator.
 *
 * The order is part of the safety: the module is validated **before** it is rewritten, since afterwards the indices of what was
 * added would be valid for the guest too; and what was written is validated and proved (proof.ts) by code that does not trust
 * the rewriter.
 */
import { engine } from "./engine.js";
import { settle, type MeterOptions } from "./limits.js";
import { proveMetered } from "./proof/prove.js";
import { MeterError } from "./refusal.js";
import { rewrite } from "./rewrite.js";
import { scanCode } from "./scan.js";
import { readShape } from "./shape.js";

export interface MeterStats {
  readonly functions: number;
  readonly chargePoints: number;
  readonly checkpoints: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Pages that its memory has at the start. */
  readonly memoryMinPages: number;
}
export interface Metered {
  readonly bytes: Uint8Array;
  readonly stats: MeterStats;
}

/**
 * Meters one core module (see protocol.ts for what it then imports).
 *
 * Throws a `MeterError`: METER_MALFORMED, METER_UNSUPPORTED (names the feature), METER_RESERVED_NAME, METER_TOO_LARGE, METER_MEMORY,
 * METER_TABLE; METER_UNPROVEN where the result fails its own proof, which is a fault of ours and never runs.
 */
export function meterModule(bytes: Uint8Array, options: MeterOptions): Metered {
  const settings = settle(options);
  const { limits } = settings;
  if (bytes.length > limits.moduleBytes)
    throw new MeterError("METER_TOO_LARGE", `a module of ${bytes.length} bytes, at most ${limits.moduleBytes} are allowed`);
  const shape = readShape(bytes, settings);
  scanCode(shape, limits);
  if (!engine.validate(bytes)) throw new MeterError("METER_MALFORMED", "this is not valid WebAssembly");
  const rewritten = rewrite(bytes, shape, settings);
  proveMetered(rewritten.bytes, bytes, settings);
  return {
    bytes: rewritten.bytes,
    stats: {
      functions: shape.bodies,
      chargePoints: rewritten.charges,
      checkpoints: rewritten.checkpoints,
      bytesIn: bytes.length,
      bytesOut: rewritten.bytes.length,
      memoryMinPages: shape.memories[0]?.min ?? 0,
    },
  };
}
