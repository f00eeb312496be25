/** `rlp config path`: which files are read, and where the value of each key comes from. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Act, Context } from "../context.js";
import { examples } from "../program.js";
import { table, sheet } from "../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .option("--all", "every key with its value and its source")
    .addHelpText(
      "after",
      examples(
        ["rlp config path", "the files, and which of them exist"],
        ["rlp config path --all", "every key, its value, and the layer it comes from"],
      ),
    )
    .action(act(configPath));
}

async function configPath(context: Context, _args: readonly string[], flags: { readonly all?: boolean }) {
  const { out } = context;
  const { config, home, sources, files, limits } = await context.load();
  const paths = [
    { role: "user", path: files.user, exists: existsSync(files.user) },
    { role: "system", path: files.system, exists: existsSync(files.system) },
  ];
  const keys = [...sources].map(([key, { layer, where }]) => ({
    key,
    value: key.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config),
    layer,
    where,
    ...(limits.has(key) && { limit: limits.get(key) }),
  }));
  if (!out.readable) {
    out.data({
      home: home.root,
      kb: home.kbRoot,
      outbox: home.outboxDir,
      cache: home.cacheDir,
      files: paths,
      ...(flags.all && { keys }),
    });
    return Exit.ok;
  }
  out.print(
    sheet([
      ["home", home.root],
      ...paths.map(({ role, path, exists }) => [`${role} file`, exists ? path : `${path} (not there)`] as const),
      ["knowledge base", home.kbRoot],
      ["outbox", home.outboxDir],
      ["cache", home.cacheDir],
    ]),
  );
  if (!flags.all) return Exit.ok;
  const lines = table(
    keys,
    [
      { title: "key", of: ({ key }) => key },
      { title: "value", of: ({ value }) => JSON.stringify(value), flexible: true },
      { title: "from", of: ({ layer, where }) => (where === "" ? layer : `${layer}: ${where}`), flexible: true },
    ],
    out.columns,
  );
  out.print(["", ...lines].join("\n"));
  return Exit.ok;
}
