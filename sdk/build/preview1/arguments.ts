/**
 * A program for preview 1 that finds the arguments which its bundle names (decision 027). They become a part of the program: its calls
 * of `args_sizes_get` and `args_get` go to two functions that are added behind its own. So the host hands none over, and the
 * component's digest covers them.
 */
import { Output } from "../link/bytes.js";
import { CALL, withFunctions } from "./code.js";
import { Section, type Sections } from "./sections.js";

/** Where a program's imports of the two functions stand among all that it imports. */
export interface ArgumentImports {
  readonly sizes: readonly number[];
  readonly get: readonly number[];
}

/** `imported` is the number of functions that the program imports; no argument has a zero in it. */
export function withArguments(sections: Sections, imported: number, from: ArgumentImports, given: readonly string[]): Sections {
  const texts = given.map((text) => Buffer.from(`${text}\0`, "utf8"));
  const bytes = Buffer.concat(texts);
  const segment = sections.count(Section.data);
  const sizes = imported + sections.count(Section.function);
  const changed = withFunctions(
    sections,
    [
      { takes: 2, body: sizesBody(texts.length, bytes.length) },
      { takes: 2, body: getBody(texts, bytes.length, segment) },
    ],
    (opcode, index) =>
      opcode !== CALL ? null : from.sizes.includes(index) ? sizes : from.get.includes(index) ? sizes + 1 : null,
  );
  return changed
    .replaced(Section.dataCount, new Output().u32(segment + 1))
    .extended(Section.data, [new Output().byte(1).u32(bytes.length).raw(bytes)]);
}

/** `(argc, length) -> errno`: how many there are, and how many bytes they take. */
const sizesBody = (count: number, length: number): Output =>
  new Output().byte(0).byte(0x20, 0, 0x41).s32(count).byte(0x36, 2, 0, 0x20, 1, 0x41).s32(length).byte(0x36, 2, 0, 0x41, 0, 0x0b);

/** `(argv, buffer) -> errno`: the bytes, and the address of each. */
function getBody(texts: readonly Uint8Array[], length: number, segment: number): Output {
  // memory.init of the whole segment
  const out = new Output().byte(0).byte(0x20, 1, 0x41, 0, 0x41).s32(length).byte(0xfc, 8).u32(segment).byte(0);
  let offset = 0;
  for (const [index, text] of texts.entries()) {
    out
      .byte(0x20, 0, 0x20, 1, 0x41)
      .s32(offset)
      .byte(0x6a, 0x36, 2)
      .u32(4 * index);
    offset += text.length;
  }
  return out.byte(0x41, 0, 0x0b);
}
