/** In which language a bundle is written: its `src/` says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./errors.js";

export type Language = "assemblyscript" | "javascript" | "rust";

/** Where an agent in JavaScript or TypeScript may begin. `agent.ts` is TypeScript if it has a default export. */
export const SCRIPTS = ["agent.js", "agent.mjs", "agent.mts", "agent.ts"] as const;

/** AssemblyScript's agents export a function `agent`; those in TypeScript are the default export of their file. */
export const isTypeScript = (source: string): boolean => /^export\s+default\b/m.test(source);

/** Throws `BUILD_BUNDLE` where there is none, or more than one. */
export function languageOf(folder: string): Language {
  const has = (...path: string[]): boolean => existsSync(join(folder, ...path));
  const found: Language[] = [];
  if (SCRIPTS.some((name) => name !== "agent.ts" && has("src", name))) found.push("javascript");
  if (has("src", "agent.ts"))
    found.push(isTypeScript(readFileSync(join(folder, "src", "agent.ts"), "utf8")) ? "javascript" : "assemblyscript");
  if (has("Cargo.toml")) found.push("rust");
  const [language] = found;
  if (language === undefined || found.length > 1)
    throw new BuildError(
      "BUILD_BUNDLE",
      found.length > 1 ? "the bundle holds more than one agent's source" : "the bundle has no source of an agent",
      {
        place: { file: folder },
        hint: "one of src/agent.ts (AssemblyScript, or TypeScript with a default export), src/agent.js, Cargo.toml",
      },
    );
  return language;
}
