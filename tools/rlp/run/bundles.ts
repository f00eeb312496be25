/** `--agent name=bundle`: a build of an agent that a person names, in the place of the one that goes by its name. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { Context } from "../context.js";
import { usage } from "../failure.js";

export interface BundleFlags {
  readonly agent?: readonly string[];
}

export function bundleOption(command: Command, does: string): Command {
  return command.option("--agent <name=bundle>", does, (word: string, before: readonly string[] = []) => [...before, word]);
}

/** Absolute folders by the agents' names. Throws `USAGE` for a word that names no bundle. */
export function bundlesOf({ agent = [] }: BundleFlags, { world }: Context): Readonly<Record<string, string>> {
  return Object.fromEntries(
    agent.map((word) => {
      const [, name, folder] = /^([a-z][a-z0-9_]{0,63}(?:@[a-z0-9][a-z0-9_.-]{0,63})?)=(.+)$/.exec(word) ?? [];
      if (name === undefined || folder === undefined)
        throw usage(`\`--agent ${word.slice(0, 80)}\` is no \`name=bundle\``, "--agent writer=./build/writer");
      const dir = resolve(world.cwd, folder);
      if (!existsSync(join(dir, "manifest.toml")))
        throw usage(
          `--agent ${name}: there is no bundle in ${dir}`,
          "a bundle is a folder with a manifest.toml: `rlp agent build` makes one",
        );
      return [name, dir] as const;
    }),
  );
}
