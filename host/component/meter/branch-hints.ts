/**
 * The custom section `metadata.code.branch_hint` (WebAssembly branch hinting): it tells the optimising compiler which `if`s are
 * hardly ever taken, so that checkpoints stay out of the way of loops. A hint changes speed only; engines that do not know it
 * ignore it. The guest's own hints were dropped with its other custom sections.
 */
import { Writer } from "./writer.js";

const NAME = "metadata.code.branch_hint";
const HINT_BYTES = 1;
const UNLIKELY = 0;

/** `unlikely[i]`: ascending offsets in the body of function `first + i`, from where its locals are declared. */
export function branchHints(first: number, unlikely: readonly (readonly number[])[]): Writer {
  const out = new Writer(1024).name(NAME);
  const hinted = unlikely.filter((offsets) => offsets.length > 0).length;
  out.u32(hinted);
  unlikely.forEach((offsets, index) => {
    if (offsets.length === 0) return;
    out.u32(first + index).u32(offsets.length);
    for (const offset of offsets) out.u32(offset).u32(HINT_BYTES).byte(UNLIKELY);
  });
  return out;
}
