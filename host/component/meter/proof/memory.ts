/** That the metered module has the memory of the original and no other: imported as it was, or imported in the place of its own. */
import type { MeterSettings } from "../limits.js";
import { RESERVED_MODULE } from "../protocol.js";
import { Reader } from "../reader.js";
import { prove, unproven } from "./unproven.js";

export interface ProvedMemory {
  readonly module: string;
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** `original` is valid and of the listed features: it was validated before it was rewritten. */
export function proveMemory(memory: ProvedMemory | null, original: Uint8Array, { memoryPages }: MeterSettings): void {
  const shown = (one: ProvedMemory | undefined): string => (one ? `${one.module} ${one.name} ${one.min} ${one.max}` : "none");
  const expected = memoriesOf(original, memoryPages);
  prove(expected.length <= 1, "the original has several memories");
  prove(shown(memory ?? undefined) === shown(expected[0]), "its memory is not the original's");
}

/** As metering must leave them: their maximum the declared one, or `cap` if that is less. */
function memoriesOf(original: Uint8Array, cap: number): ProvedMemory[] {
  const memories: ProvedMemory[] = [];
  const limits = (reader: Reader): { readonly min: number; readonly max: number } => {
    const bounded = reader.byte();
    prove(bounded <= 1, "limits of another form", reader.at - 1);
    const min = reader.u32();
    return { min, max: Math.min(bounded === 1 ? reader.u32() : cap, cap) };
  };
  const whole = new Reader(original);
  whole.skip(8);
  while (!whole.done) {
    const id = whole.byte();
    const section = whole.part(whole.u32());
    if (id === 2)
      for (let left = section.u32(); left > 0; left--) {
        const [module, name, kind] = [section.name(), section.name(), section.byte()];
        if (kind === 0) section.u32();
        else if (kind === 1) {
          section.byte();
          limits(section);
        } else if (kind === 2) memories.push({ module, name, ...limits(section) });
        else if (kind === 3) section.skip(2);
        else unproven("an import of another kind", section.at);
      }
    if (id === 5)
      for (let left = section.u32(); left > 0; left--) {
        const own = limits(section);
        memories.push({ module: RESERVED_MODULE, name: `memory:${own.min}:${own.max}`, ...own });
      }
    if (id === 2 || id === 5) prove(section.done, `section ${id} has bytes left over`, section.at);
  }
  return memories;
}
