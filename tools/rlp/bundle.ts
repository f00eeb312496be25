/** The bundle that an author works on, from a word on the command line. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "#core/errors.js";
import type { Context } from "./context.js";

const MANIFEST = "manifest.toml";

/** A folder with a manifest: the word as a path, or as a name under `agents/` of the folder one is in. */
export function findBundle(context: Pick<Context, "world">, word: string): string | undefined {
  const { cwd } = context.world;
  return [resolve(cwd, word), resolve(cwd, "agents", word)].find((folder) => existsSync(join(folder, MANIFEST)));
}

/** As {@link findBundle}; `USAGE_NOT_FOUND` where there is none. */
export function bundleFolder(context: Pick<Context, "world">, word: string): string {
  const found = findBundle(context, word);
  if (found !== undefined) return found;
  throw new UsageError("USAGE_NOT_FOUND", `\`${word}\` is no bundle: there is no ${MANIFEST} in it`, {
    hint: "name the agent's folder, or its name where the folder is agents/<name>; `rlp agent scaffold <name>` makes one",
  });
}
