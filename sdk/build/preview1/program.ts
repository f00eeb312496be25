/** A program for preview 1 as the adapter is put around it. */
import { BuildError } from "../errors.js";
import { pagesApart } from "./pages.js";
import { Section, Sections } from "./sections.js";

/**
 * What nothing needs that executes the program, and what would be wrong in a changed one: debugging information and hints to the
 * optimising compiler say where in the code something stands. A debug build is several times its size with it.
 */
const PLACES = /^(?:\.debug_|metadata\.code\.|external_debug_info$|sourceMappingURL$)/;

/**
 * The program is a valid module that imports `functions` functions and nothing else; `file` is where it stands. Throws `BUILD_BUNDLE`
 * where it uses what no agent may.
 */
export function forAdapter(program: Uint8Array, functions: number, file: string): Uint8Array {
  const refuse = (what: string): Error =>
    new BuildError("BUILD_BUNDLE", `the program has ${what}, which no agent may`, {
      place: { file },
      hint: "compile it for WebAssembly 2.0, without threads, exceptions and other features beyond that",
    });
  const sections = Sections.of(program, refuse).without(PLACES);
  // One with an allocator for components gives the adapter its pages by that.
  return (exportsRealloc(sections) ? sections : pagesApart(sections, functions)).bytes();
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
