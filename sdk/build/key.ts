/** What a build depends on, as one digest: equal keys, equal components. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson, parseJson } from "#core/json.js";
import { compilerOptions, sdkFiles, type World } from "./compile.js";
import { BuildError } from "./errors.js";
import { readText, type Files } from "./layout.js";
import { witSource } from "./wit.js";

/** Versions of the tools whose output a component is; package.json pins them. */
function toolchain(): readonly string[] {
  return ["assemblyscript", "@bytecodealliance/jco-transpile", "@bytecodealliance/jco"].map((name) => {
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

/** Digest of everything but the agent's own sources: SDK, contract, options, tools. Changes only when the project does. */
export function baseKey(): Digest {
  return blake3(canonicalJson({ sdk: [...sdkFiles()], wit: witSource(), options: compilerOptions, toolchain: toolchain() }));
}

/** The key of one agent's build. */
export function buildKey(sources: Files, world: World, base: Digest = baseKey()): Digest {
  return blake3(canonicalJson({ base, world, sources: [...sources] }));
}
