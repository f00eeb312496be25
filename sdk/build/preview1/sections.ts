/** A module's sections, of which some are replaced: the rest goes through as it came. WebAssembly Core Specification 2.0, section 5.5. */
import { Cursor, Output } from "../link/bytes.js";

export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** Sections in the order in which they stand in a module; those that are not known (tags, …) stay behind the one before them. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

interface Part {
  readonly id: number;
  readonly content: Uint8Array;
}

export class Sections {
  private constructor(
    private readonly parts: readonly Part[],
    private readonly refuse: (what: string) => Error,
  ) {}

  static of(module: Uint8Array, refuse: (what: string) => Error): Sections {
    const cursor = new Cursor(module, 8, module.length, refuse);
    const parts: Part[] = [];
    while (!cursor.done) parts.push({ id: cursor.byte(), content: cursor.take(cursor.u32()) });
    return new Sections(parts, refuse);
  }

  /** Reads a section's content; an empty vector where it is not there. */
  cursor(id: number): Cursor {
    const content = this.parts.find((part) => part.id === id)?.content ?? new Uint8Array(1);
    return new Cursor(content, 0, content.length, this.refuse);
  }

  /** How many entries a section has. */
  count(id: number): number {
    return this.cursor(id).u32();
  }

  replaced(id: number, content: Output): Sections {
    const part = { id, content: content.view() };
    const before = ORDER.slice(0, ORDER.indexOf(id));
    const parts = this.parts.filter((other) => other.id !== id);
    const at = this.parts.findIndex((other) => other.id === id);
    parts.splice(at >= 0 ? at : parts.findLastIndex((other) => before.includes(other.id)) + 1, 0, part);
    return new Sections(parts, this.refuse);
  }

  /** A section with more entries behind its own. */
  extended(id: number, entries: readonly Output[]): Sections {
    const cursor = this.cursor(id);
    const content = new Output().u32(cursor.u32() + entries.length).raw(cursor.take(cursor.end - cursor.at));
    for (const entry of entries) content.raw(entry.view());
    return this.replaced(id, content);
  }

  /** Without the custom sections of these names. */
  without(name: RegExp): Sections {
    const named = ({ content }: Part): string => new Cursor(content, 0, content.length, this.refuse).name();
    return new Sections(
      this.parts.filter((part) => part.id !== Section.custom || !name.test(named(part))),
      this.refuse,
    );
  }

  /** The module. */
  bytes(): Uint8Array {
    const out = new Output().raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    for (const { id, content } of this.parts) out.byte(id).u32(content.length).raw(content);
    return out.view();
  }
}

/** A vector of what is given. */
export function vector(entries: readonly Output[]): Output {
  const out = new Output().u32(entries.length);
  for (const entry of entries) out.raw(entry.view());
  return out;
}
