/** `rlp kb reindex`: makes the vectors that are missing; all of them where `kb.embedder` has changed. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { embed } from "#kb/vectors/embed.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { Progress } from "../../terminal/progress.js";
import { withViews } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .option("--all", "throw all vectors away first, also those that the same embedder made")
    .addHelpText(
      "after",
      examples(
        ["rlp kb reindex", "goes on where an earlier call was interrupted"],
        ["RUNLOOP__KB__EMBEDDER=ollama/nomic-embed-text rlp kb reindex", "all vectors, by a model of a configured provider"],
      ),
    )
    .action(act(reindex));
}

async function reindex(context: Context, _: readonly string[], flags: { readonly all?: boolean }) {
  const { out } = context;
  const progress = new Progress(out, "parts");
  const done = await withViews(context, async (kb) => {
    await embed(kb, { anew: flags.all ? "all" : "changed", onProgress: ({ done, of }) => progress.at(done, of) });
    return { ...kb.views.vectors.progress(), ...kb.views.vectors.state() };
  });
  progress.end();
  const { done: vectors = 0, embedder = "", dimension = 0 } = done ?? {};
  if (!out.readable) out.data({ vectors, embedder, dimension });
  else
    out.print(
      vectors === 0
        ? "there is nothing to make vectors of"
        : `${vectors} parts have vectors of ${embedder}, ${dimension} numbers each`,
    );
  return Exit.ok;
}
