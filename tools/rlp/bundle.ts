/** The bundle that an author works on, from a word on the command line. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import { shortPath, type Context } from "./context.js";

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

/** The folder of an agent that `rlp agent install` has put into this home. */
export function installedFolder(agentsDir: string, name: string): string | undefined {
  if (!IDENTIFIER.test(name)) return undefined;
  const folder = join(agentsDir, name);
  return existsSync(join(folder, MANIFEST)) ? folder : undefined;
}

/**
 * What a word means where an agent is to be used: a name that this home knows stays that agent, whatever lies in the folder one is in
 * (nobody's checkout can put its own `mailer` in the place of ours); a folder is meant by a path, or by a name nobody else has.
 */
export async function agentMeant(context: Context, word: string): Promise<{ readonly folder: string | undefined }> {
  const folder = findBundle(context, word);
  if (folder === undefined || !IDENTIFIER.test(word)) return { folder };
  const [{ home, config }, { openHost }] = await Promise.all([context.load(), import("#host/host.js")]);
  const host = openHost({ home, config, readonly: true });
  try {
    const known = (await host.agents()).find(({ name }) => name === word);
    if (!known) return { folder };
    context.out.note(
      `\`${word}\` is the agent in ${known.dir}; a path means the one here: ./${shortPath(folder, context.world.cwd)}`,
    );
    return { folder: undefined };
  } finally {
    await host.close();
  }
}
