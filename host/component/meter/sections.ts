/** The sections of a module, as data. Section 5.5 of the specification. */
import { MeterError } from "./refusal.js";
import { Reader } from "./reader.js";

export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;
export type SectionName = Exclude<keyof typeof SectionId, "custom">;

/** The order in which sections stand in a module. */
export const SECTION_ORDER: readonly SectionName[] = [
  "type",
  "import",
  "function",
  "table",
  "memory",
  "global",
  "export",
  "start",
  "element",
  "dataCount",
  "code",
  "data",
];
const byId = new Map(SECTION_ORDER.map((name, rank) => [SectionId[name] as number, { name, rank }]));
const REFUSED: Readonly<Record<number, string>> = { 13: "exceptions (tag section)", 14: "string references (section 14)" };

/** `\0asm`, version 1. A component says version 13 and layer 1. */
export const PREAMBLE: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Kinds of imports and exports. */
export const ExternKind = { func: 0, table: 1, memory: 2, global: 3 } as const;

/**
 * Where each section's content lies. Custom sections are left out: nothing in them is needed to run a module, and the engine reads
 * some of them (names, branch hints) by function index, which metering changes.
 */
export function readSections(bytes: Uint8Array): ReadonlyMap<SectionName, Reader> {
  const reader = new Reader(bytes);
  for (const byte of PREAMBLE) if (reader.byte() !== byte) reader.fail("this is not a core module of version 1", 0);
  const sections = new Map<SectionName, Reader>();
  let last = -1;
  while (!reader.done) {
    const at = reader.at;
    const id = reader.byte();
    const content = reader.part(reader.u32());
    if (id === SectionId.custom) {
      content.name();
      continue;
    }
    const section = byId.get(id);
    if (!section) throw new MeterError("METER_UNSUPPORTED", REFUSED[id] ?? `section ${id}`, at);
    if (section.rank <= last) reader.fail(`the ${section.name} section is out of order`, at);
    last = section.rank;
    sections.set(section.name, content);
  }
  return sections;
}
