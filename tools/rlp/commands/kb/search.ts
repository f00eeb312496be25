/** `rlp kb search`: ranked parts of what was ingested. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine, visibleText } from "#core/visible.js";
import type { Hit } from "#kb/views/search.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { wrap } from "../../terminal/width.js";
import { withViews } from "../../views.js";
import { wholeNumber } from "../../whole-number.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<words...>", "what to look for")
    .option("--limit <n>", "at most so many", wholeNumber("--limit", 100, 1), 10)
    .option("--domain <domain>", "only this domain")
    .addHelpText("after", examples(["rlp kb search q4 plan", "the best first, each with its citation"]))
    .action(act(search));
}

async function search(context: Context, args: readonly string[], flags: { readonly limit: number; readonly domain?: string }) {
  const { out } = context;
  const query = args.join(" ");
  if (query.trim() === "") throw usage("there is nothing to look for", "rlp kb search q4 plan");
  const hits = await withViews(context, ({ views }) =>
    views.search(query, { limit: flags.limit, ...(flags.domain !== undefined && { domain: flags.domain }) }),
  );
  if (!out.readable) out.data(hits ?? []);
  else if (!hits || hits.length === 0) out.note("nothing is found");
  else out.print(hits.map((hit) => hitText(hit, context)).join("\n\n"));
  return Exit.ok;
}

function hitText(hit: Hit, { out }: Context): string {
  const { colours } = out;
  const title = [hit.title, hit.heading]
    .filter((part) => part !== "")
    .map(visibleLine)
    .join(" › ");
  // The snippet marks matches as **word**; on a terminal without colours the marks stay.
  const emphasised = (line: string): string =>
    colours.isColorSupported ? line.replace(/\*\*([^*]+)\*\*/g, (_, word: string) => colours.bold(word)) : line;
  return [
    `${colours.bold(title)}  ${colours.dim(hit.score.toFixed(3))}`,
    ...wrap(visibleText(hit.snippet).trim(), out.columns - 3).map((line) => `  ${emphasised(line)}`),
    colours.dim(`  ${visibleLine(hit.citation)}  ${visibleLine(hit.uri)}`),
  ].join("\n");
}
