/**
 * A first look at the code, before the engine is asked: every instruction is one of the list, and sizes are within their caps. So a
 * feature is refused by its name whether or not this engine happens to know it, and nothing oversized reaches its validator.
 */
import { Instructions } from "./instruction.js";
import type { MeterLimits } from "./limits.js";
import type { Reader } from "./reader.js";
import { MeterError } from "./refusal.js";
import { each, type Shape } from "./shape.js";
import { readValueType } from "./types.js";

export function scanCode(shape: Shape, limits: MeterLimits): void {
  each(shape.sections, "code", limits.functions, (reader) => scanBody(reader.part(reader.u32()), limits));
}

function scanBody(reader: Reader, limits: MeterLimits): void {
  if (reader.end - reader.from > limits.bodyBytes)
    throw new MeterError("METER_TOO_LARGE", `a function of more than ${limits.bodyBytes} bytes`, reader.from);
  let locals = 0;
  for (let groups = reader.count("groups of locals", limits.locals); groups > 0; groups--) {
    locals += reader.u32();
    if (locals > limits.locals)
      throw new MeterError("METER_TOO_LARGE", `more than ${limits.locals} locals in one function`, reader.at);
    readValueType(reader);
  }
  const instructions = new Instructions(reader, limits.branches);
  let depth = 1;
  while (!reader.done) {
    const { immediate, name } = instructions.next();
    if (immediate === "block") depth++;
    if (name === "end") depth--;
    if (depth > limits.nesting + 1)
      throw new MeterError("METER_TOO_LARGE", `blocks are nested more than ${limits.nesting} deep`, instructions.start);
  }
}
