/** Where things stand on disk: the same tree seen from the source (tests) and from `dist` (users). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BuildError } from "./errors.js";

/** Files by their names relative to some folder, `/` between parts, sorted. */
export type Files = ReadonlyMap<string, string>;

/** The folder that holds `sdk/wit`: the project, or an installed copy of it. */
export const projectRoot = ((): string => {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "sdk", "wit", "worlds.wit"))) return folder;
    if (folder === dirname(folder))
      throw new BuildError("BUILD_BUNDLE", "the SDK's folder `sdk/wit` is not above the build tools", {
        place: { file: import.meta.dirname },
      });
  }
})();

/** The types that an author's editor reads, and the part of a new agent in Rust that is the same for all. */
export const declarations = join(projectRoot, "sdk", "javascript", "runloop.d.ts");
export const rustTemplate = join(projectRoot, "sdk", "template", "rust");

/** All files under `folder` whose names end so, in code-unit order, line ends as `\n`. Links are not followed, to folders neither. */
export function readTree(folder: string, ending: string): Files {
  const names = filesBelow(folder, "").filter((name) => name.endsWith(ending));
  return new Map(names.sort().map((name) => [name, readText(join(folder, name))]));
}

function filesBelow(folder: string, path: string): string[] {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
    const name = path === "" ? entry.name : `${path}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(folder, name) : entry.isFile() ? [name] : [];
  });
}

/** A checkout that turned line ends around must not change what is built. */
export function readText(file: string): string {
  return readFileSync(file, "utf8").replaceAll("\r\n", "\n");
}
