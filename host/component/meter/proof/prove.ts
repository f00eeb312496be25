/**
 * The proof: a metered module is decoded again, by code that knows nothing of how it was written, and shown to pay for all that it runs
 * and to be stoppable wherever it could run on. Whatever is not understood is refused.
 *
 * Not proved here: that NaNs are canonical (tests do), and the part of a frame's weight that stands for its operand stack.
 */
import { engine } from "../engine.js";
import type { MeterSettings } from "../limits.js";
import { MeterError } from "../refusal.js";
import { proveFunction, readBody, type ProvedFunction } from "./function.js";
import { proveHelpers } from "./helpers.js";
import { proveMemory } from "./memory.js";
import { proveModule, type ProvedModule } from "./module.js";
import { calleesOf } from "./reach.js";
import { prove } from "./unproven.js";

/** Throws METER_UNPROVEN unless `bytes` is a module that is metered under `settings`, with the memory of `original`. */
export function proveMetered(bytes: Uint8Array, original: Uint8Array, settings: MeterSettings): void {
  try {
    prove(engine.validate(bytes), "it is not valid");
    const module = proveModule(bytes, settings);
    proveMemory(module.memory, original, settings);
    proveHelpers(bytes, module, settings);
    proveFunctions(bytes, module, settings);
  } catch (error) {
    if (error instanceof MeterError && error.code === "METER_UNPROVEN") throw error;
    throw new MeterError("METER_UNPROVEN", `the metered module is not proved: ${error instanceof Error ? error.message : "?"}`);
  }
}

/** Callees first. A function that is called before it is proved, by itself in the end, must not rely on its callers. */
function proveFunctions(bytes: Uint8Array, module: ProvedModule, settings: MeterSettings): void {
  const { imported, refuel, functions } = module;
  const bodies = module.bodies.slice(0, refuel - imported).map((reader, index) => {
    const body = { ...readBody(reader, functions[imported + index]?.params ?? []), bytes };
    return { body, callees: calleesOf(body.steps).filter((callee) => callee >= imported && callee < refuel) };
  });
  const proved = new Map<number, ProvedFunction>();
  const open = new Set<number>();
  const relied = new Set<number>();
  const known = (callee: number): ProvedFunction | undefined => {
    if (!proved.has(callee)) relied.add(callee);
    return proved.get(callee);
  };
  for (let root = imported; root < refuel; root++) {
    const path = proved.has(root) ? [] : [{ index: root, next: 0 }];
    open.add(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { index } = top;
      const entry = bodies[index - imported] as (typeof bodies)[number];
      const callee = entry.callees[top.next++];
      if (callee === undefined) {
        const facts = proveFunction(index, module, settings, entry.body, known);
        const recursive = relied.has(index);
        prove(!recursive || (facts.prepaid === 0 && !facts.quiet), "a recursive function does not pay its entry");
        proved.set(index, recursive ? { ...facts, stack: null } : facts);
        open.delete(index);
        path.pop();
      } else if (!proved.has(callee) && !open.has(callee)) {
        open.add(callee);
        path.push({ index: callee, next: 0 });
      }
    }
  }
}
