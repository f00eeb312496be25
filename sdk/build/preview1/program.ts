/** A program for preview 1 as the adapter is put around it. */
import type { Place } from "#core/errors.js";
import { BuildError } from "../errors.js";
import { withArguments } from "./arguments.js";
import { pagesApart } from "./pages.js";
import { Section, Sections } from "./sections.js";

/**
 * What nothing needs that executes the program, and what would be wrong in a changed one: debugging information and hints to the
 * optimising compiler say where in the code something stands. A debug build is several times its size with it.
 */
const PLACES = /^(?:\.debug_|metadata\.code\.|external_debug_info$|sourceMappingURL$)/;

export interface Program {
  readonly module: Uint8Array;
  /** Names of the functions of preview 1 that it imports, in their order; it imports nothing else. */
  readonly imports: readonly string[];
  readonly place: Place;
  /** What the program is to find as its arguments, its own name first. */
  readonly arguments: readonly string[];
}

/** The program is a valid module. Throws `BUILD_BUNDLE` where it uses what no agent may. */
export function forAdapter({ module, imports, place, arguments: given }: Program): Uint8Array {
  const refuse = (what: string): Error =>
    new BuildError("BUILD_BUNDLE", `the program has ${what}, which no agent may`, {
      place,
      hint: "compile it for WebAssembly 2.0, without threads, exceptions and other features beyond that",
    });
  const sections = Sections.of(module, refuse).without(PLACES);
  // One with an allocator for components gives the adapter its pages by that.
  const apart = exportsRealloc(sections) ? sections : pagesApart(sections, imports.length);
  if (given.length === 0) return apart.bytes();
  const places = (name: string): readonly number[] => imports.flatMap((other, index) => (other === name ? [index] : []));
  const from = { sizes: places("args_sizes_get"), get: places("args_get") };
  if (from.sizes.length === 0 || from.get.length === 0)
    throw new BuildError("BUILD_BUNDLE", "the manifest names arguments, and the program never asks for any", {
      place,
      hint: "take `[build] arguments` out of the manifest",
    });
  return withArguments(apart, imports.length, from, given).bytes();
}

function exportsRealloc(sections: Sections): boolean {
  const cursor = sections.cursor(Section.export);
  for (let left = cursor.u32(); left > 0; left--) {
    if (cursor.name() === "cabi_realloc") return true;
    cursor.byte();
    cursor.u32();
  }
  return false;
}
