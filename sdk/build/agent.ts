/** The author's pipeline: source → core module → component → digest. The same source gives the same bytes, wherever it stands. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import type { Place } from "#core/errors.js";
import { commandOf } from "./command.js";
import { compileModule, type World } from "./compile.js";
import { checkImports, componentOf } from "./component.js";
import { BuildError } from "./errors.js";
import { EVERYTHING, readAuthor, type Author } from "./javascript/author.js";
import { compileScript } from "./javascript/module.js";
import { languageOf, type Language } from "./language.js";
import { readText, readTree, type Files } from "./layout.js";
import { buildRust } from "./rust.js";
import { worldNamed } from "./stamp.js";

/** Either a bundle's folder, whose `src/` is built, or the text of one file alone: `agent.ts` in AssemblyScript, `agent.js`. */
export type AgentSource = { readonly folder: string } | { readonly source: string } | { readonly script: string };

export interface BuiltAgent {
  readonly component: Uint8Array;
  /** BLAKE3 of the component. */
  readonly digest: Digest;
}

/** What a component is made of. Equal values, equal bytes, but for packages that the author installed. */
export interface AgentParts {
  readonly language: Exclude<Language, "rust">;
  readonly world: World;
  /** The files that are compiled, by their names under `src/`. */
  readonly sources: Files;
  /** What the manifest and the policy add; null where the language does not ask. */
  readonly author: Author | null;
}

const ENDINGS = { assemblyscript: [".ts"], javascript: [".js", ".mjs", ".ts", ".mts", ".json"] } as const;

export function partsOf(from: AgentSource): AgentParts {
  if ("source" in from)
    return { language: "assemblyscript", world: "agent", sources: new Map([["agent.ts", from.source]]), author: null };
  if ("script" in from)
    return { language: "javascript", world: "agent", sources: new Map([["agent.js", from.script]]), author: EVERYTHING };
  const language = languageOf(from.folder);
  if (language === "rust")
    throw new BuildError("BUILD_BUNDLE", "an agent in Rust is built by cargo", { place: { file: from.folder } });
  const folder = join(from.folder, "src");
  const sources = new Map(ENDINGS[language].flatMap((ending) => [...readTree(folder, ending)]));
  for (const name of sources.keys()) if (name.endsWith(".d.ts")) sources.delete(name);
  const world = worldOf(from.folder);
  if (language === "javascript" && world === "command")
    throw new BuildError("BUILD_BUNDLE", "an agent in JavaScript is of the world `agent`", {
      place: { file: join(from.folder, "manifest.toml"), at: "[agent] world" },
      hint: 'world = "agent"',
    });
  return { language, world, sources, author: language === "javascript" ? readAuthor(from.folder) : null };
}

/** The world that the bundle's manifest names; without a manifest it is an agent. */
export function worldOf(folder: string): World {
  const manifest = join(folder, "manifest.toml");
  return existsSync(manifest) ? worldNamed(readText(manifest), manifest) : "agent";
}

/** Builds an agent. Errors: {@link BuildError}, places relative to the bundle's `src/`, or absolute where a folder is given. */
export async function buildAgent(from: AgentSource): Promise<BuiltAgent> {
  if ("folder" in from && languageOf(from.folder) === "rust") {
    const { program, file } = buildRust(from.folder);
    return finished(await commandOf(program, file));
  }
  const { sources, author, world } = partsOf(from);
  try {
    if (author) {
      const module = await compileScript(sources, "folder" in from ? from.folder : null, author);
      return finished(await componentOf(module, "utf8"));
    }
    const module = await compileModule(sources, world);
    if (world === "command") return finished(await commandOf(module, "agent.ts"));
    checkImports(module, sources);
    return finished(await componentOf(module, "utf16"));
  } catch (error) {
    throw "folder" in from && error instanceof BuildError ? under(join(from.folder, "src"), error) : error;
  }
}

const finished = (component: Uint8Array): BuiltAgent => ({ component, digest: blake3(component) });

/** The error with the place that a person can open. */
function under(folder: string, error: BuildError): BuildError {
  const placed = (place: Place): Place =>
    place.file === undefined || place.file.startsWith("~lib") || isAbsolute(place.file)
      ? place
      : { ...place, file: join(folder, place.file) };
  return new BuildError(error.code, error.message, {
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.place && { place: placed(error.place) }),
    cause: error,
    issues: error.issues.map(({ message, place }) => ({ message, place: placed(place) })),
  });
}
