/** What a build depends on, as one digest: equal keys, equal components. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson, parseJson } from "#core/json.js";
import type { AgentParts } from "./agent.js";
import { compilerOptions, sdkFiles } from "./compile.js";
import { BuildError } from "./errors.js";
import { sdkFiles as scriptFiles } from "./javascript/bundle.js";
import { readText, readTree } from "./layout.js";
import { witSource } from "./wit.js";

/** Versions of the tools whose output a component is; package.json pins them. */
const TOOLS = {
  assemblyscript: ["assemblyscript", "@bytecodealliance/jco-transpile", "@bytecodealliance/jco"],
  javascript: ["componentize-qjs", "esbuild", "@bytecodealliance/jco-transpile"],
} as const;

function toolchain(language: keyof typeof TOOLS): readonly string[] {
  return TOOLS[language].map((name) => {
    const { version } = parseJson(readText(packageFile(name))) as { readonly version: string };
    return `${name}@${version}`;
  });
}

/** A package's `package.json`, where Node would find the package: not every package exports that file. */
export function packageFile(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const file = join(folder, name, "package.json");
    if (existsSync(file)) return file;
  }
  throw new BuildError("BUILD_BUNDLE", `the package \`${name}\` is not installed`, { hint: "npm ci" });
}

/** None of it changes while a process runs. */
const bases = new Map<string, Digest>();

/** Digest of everything but the agent's own sources: SDK, contract, options, tools. Changes only when the project does. */
export function baseKey(language: keyof typeof TOOLS): Digest {
  const known = bases.get(language);
  if (known) return known;
  const own =
    language === "assemblyscript"
      ? { sdk: [...sdkFiles()], options: compilerOptions }
      : { sdk: [...scriptFiles()], link: linker() };
  const base = blake3(canonicalJson({ ...own, wit: witSource(), toolchain: toolchain(language) }));
  bases.set(language, base);
  return base;
}

/** The linker's own code is part of what makes a component of JavaScript. */
const linker = (): readonly (readonly [string, string])[] =>
  ["link", "javascript"].flatMap((name) => [...readTree(join(import.meta.dirname, name), extname(import.meta.filename))]);

/** The key of one agent's build. Packages that an author installs are no part of it: those builds are not cached. */
export function buildKey(parts: AgentParts, base: Digest = baseKey(parts.language)): Digest {
  return blake3(
    canonicalJson({ base, world: parts.world, sources: [...parts.sources], ...(parts.author && { author: parts.author }) }),
  );
}
