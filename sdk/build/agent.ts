/** The author's pipeline: source → core module → component → digest. The same source gives the same bytes, wherever it stands. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import type { Place } from "#core/errors.js";
import { commandOf } from "./command.js";
import { compileModule, type World } from "./compile.js";
import { checkImports, componentOf } from "./component.js";
import { BuildError } from "./errors.js";
import { readText, readTree, type Files } from "./layout.js";
import { worldNamed } from "./stamp.js";

/** Either a bundle's folder, whose `src/` is built, or the text of `agent.ts` alone. */
export type AgentSource = { readonly folder: string } | { readonly source: string };

export interface BuiltAgent {
  readonly component: Uint8Array;
  /** BLAKE3 of the component. */
  readonly digest: Digest;
}

/** The files that are compiled, by their names under `src/`. */
export function sourcesOf(from: AgentSource): Files {
  if ("source" in from) return new Map([["agent.ts", from.source]]);
  const folder = join(from.folder, "src");
  if (!existsSync(folder))
    throw new BuildError("BUILD_BUNDLE", "the bundle has no `src` folder", { place: { file: from.folder } });
  return readTree(folder, ".ts");
}

/** The world that the bundle's manifest names; a text alone is an agent. */
export function worldOf(from: AgentSource): World {
  const manifest = "folder" in from ? join(from.folder, "manifest.toml") : null;
  return manifest !== null && existsSync(manifest) ? worldNamed(readText(manifest), manifest) : "agent";
}

/** Builds an agent. Errors: {@link BuildError}, places relative to the bundle's `src/`, or absolute where a folder is given. */
export async function buildAgent(from: AgentSource): Promise<BuiltAgent> {
  const sources = sourcesOf(from);
  try {
    const world = worldOf(from);
    const module = await compileModule(sources, world);
    if (world === "agent") checkImports(module, sources);
    const component = world === "agent" ? await componentOf(module) : await commandOf(module, "agent.ts");
    return { component, digest: blake3(component) };
  } catch (error) {
    throw "folder" in from && error instanceof BuildError ? under(join(from.folder, "src"), error) : error;
  }
}

/** The error with the place that a person can open. */
function under(folder: string, error: BuildError): BuildError {
  const placed = (place: Place): Place =>
    place.file === undefined || place.file.startsWith("~lib") ? place : { ...place, file: join(folder, place.file) };
  return new BuildError(error.code, error.message, {
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.place && { place: placed(error.place) }),
    cause: error,
    issues: error.issues.map(({ message, place }) => ({ message, place: placed(place) })),
  });
}
