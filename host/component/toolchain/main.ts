/**
 * The toolchain process: one component in, one answer out, gone. It is the only place where a component's bytes are parsed, and
 * it holds nothing that a component could be after.
 */
import { RlpError } from "#core/errors.js";
import { leave } from "../../sandbox/inside/leave.js";
import { openPipe } from "../../sandbox/inside/pipe.js";
import { seal } from "../../sandbox/inside/seal.js";
import { Transfers } from "../../sandbox/transfer.js";
import { inspect } from "../inspect/inspect.js";
import { Refusal } from "../inspect/refusal.js";
import { LARGE_LIMITS, STRICT_LIMITS } from "../meter/limits.js";
import { meterModule } from "../meter/meter.js";
import { FUEL_TABLE_VERSION } from "../meter/protocol.js";
import { MeterError } from "../meter/refusal.js";
import type { FromToolchain, ToolchainRequest } from "./messages.js";

const MESSAGE_BYTES = 1 << 20;
const transfers = new Transfers();

seal();
const pipe = openPipe(MESSAGE_BYTES, () => ({
  message: (text) => {
    const { bytes, memoryPages } = JSON.parse(text) as ToolchainRequest;
    void transfers.expect(0, bytes).then((component) => admit(component, memoryPages));
  },
  chunk: (transfer, bytes) => transfers.chunk(transfer, bytes),
}));
const send = (message: FromToolchain): void => pipe.send(message);
send({ t: "ready" });

async function admit(component: Uint8Array, memoryPages: number): Promise<void> {
  let modules: Uint8Array[] = [];
  try {
    const inspected = inspect(component);
    const metered = inspected.modules.map(({ name, bytes }) => meter(name, bytes, memoryPages));
    modules = metered.map(({ bytes }) => bytes);
    send({
      t: "admitted",
      imports: [...inspected.imports],
      exports: [...inspected.exports],
      plan: JSON.stringify(inspected.plan),
      large: metered.some(({ large }) => large),
      modules: inspected.modules.map(({ name }, index) => ({ name, bytes: modules[index]!.length })),
      functions: inspected.modules.reduce((sum, module) => sum + module.functions, 0),
      fuelTable: FUEL_TABLE_VERSION,
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    send({ t: "refused", code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) });
  }
  for (const [index, bytes] of modules.entries()) pipe.sendBytes(index, bytes);
  await pipe.flushed();
  leave();
}

/** Within the strict limits where that is possible. What a module computes and pays does not depend on which it was. */
function meter(name: string, bytes: Uint8Array, memoryPages: number): { readonly bytes: Uint8Array; readonly large: boolean } {
  try {
    try {
      return { bytes: meterModule(bytes, { memoryPages, limits: STRICT_LIMITS }).bytes, large: false };
    } catch (error) {
      if (!(error instanceof MeterError) || !BEYOND.has(error.code)) throw error;
      return { bytes: meterModule(bytes, { memoryPages, limits: LARGE_LIMITS }).bytes, large: true };
    }
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    const at = error.place?.at ? ` (${error.place.at})` : "";
    throw new Refusal(
      "ADMIT_METER",
      `${name}: ${error.message}${at}`,
      error.hint ?? "agents are built from WebAssembly 2.0 without SIMD extensions, threads, exceptions or garbage collection",
    );
  }
}

/** What larger limits may help against. */
const BEYOND: ReadonlySet<string> = new Set(["METER_TOO_LARGE", "METER_TABLE"]);
