/** The memory that a metered module imports in the place of one of its own (protocol.ts). */
import { remembered } from "../remembered.js";
import { engine, type WasmMemory, type WasmModule } from "./engine.js";
import { memoryImport, RESERVED_MODULE, type MemoryLimits } from "./protocol.js";

export const PAGE_BYTES = 65_536;

/** Limits of the memory that the guest defined; null where it has none, or another module's. */
export const memoryOf = remembered((module: WasmModule): MemoryLimits | null => {
  for (const { module: from, name, kind } of engine.Module.imports(module)) {
    if (from !== RESERVED_MODULE || kind !== "memory") continue;
    const [, initial, maximum] = name.split(":").map(Number) as [number, number, number];
    const limits = { initial, maximum };
    if (memoryImport(limits) !== name) throw new TypeError(`${name} is no memory of a metered module`);
    return limits;
  }
  return null;
});

/** A memory that nobody has had. */
export const newMemory = ({ initial, maximum }: MemoryLimits): WasmMemory => new engine.Memory({ initial, maximum });
