/** `rlp kb search`: ranked parts of what was ingested. */
import { Option, type Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine, visibleText } from "#core/visible.js";
import type { Hit, Mode } from "#kb/search/search.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { wrap } from "../../terminal/width.js";
import { date } from "../../date.js";
import { withViews } from "../../views.js";
import { wholeNumber } from "../../whole-number.js";

interface SearchFlags {
  readonly limit: number;
  readonly mode: Mode;
  readonly domain?: string;
  readonly kind?: string;
  readonly agent?: string;
  readonly confirmed?: boolean;
  readonly since?: number;
  readonly until?: number;
}

export function define(command: Command, act: Act): void {
  command
    .argument("<words...>", 'what to look for; `"two words"` is a phrase, `plan*` a beginning')
    .option("--limit <n>", "at most so many", wholeNumber("--limit", 100, 1), 10)
    .addOption(
      new Option("--mode <mode>", "by words, by vectors, or both").choices(["hybrid", "words", "vectors"]).default("hybrid"),
    )
    .option("--domain <domain>", "only this domain")
    .addOption(
      new Option("--kind <kind>", "only this kind; what runs made is found only so").choices(["document", "note", "artifact"]),
    )
    .option("--agent <name>", "only what this agent made")
    .option("--confirmed", "only what a person put in or agreed to")
    .option("--since <date>", "only what came at or after this: 2026-11-30 or a full ISO 8601 time", date("--since"))
    .option("--until <date>", "only what came at or before this", date("--until"))
    .addHelpText(
      "after",
      examples(
        ["rlp kb search q4 plan", "the best first, each with its citation"],
        ["rlp kb search '\"hiring plan\"' --since 2026-11-01", "a phrase, in what came in since"],
      ),
    )
    .action(act(search));
}

async function search(context: Context, args: readonly string[], flags: SearchFlags) {
  const { out } = context;
  const query = args.join(" ");
  if (query.trim() === "") throw usage("there is nothing to look for", "rlp kb search q4 plan");
  const { limit, mode, domain, kind, agent, confirmed, since, until } = flags;
  const options = Object.fromEntries(
    Object.entries({ limit, mode, domain, kind, agent, confirmed, since, until }).filter(([, value]) => value !== undefined),
  );
  const found = await withViews(context, (kb) => kb.search(query, options));
  if (found?.note) out.warn(`by words alone: ${found.note}`);
  const hits = found?.hits ?? [];
  if (!out.readable) out.data(hits);
  else if (hits.length === 0) out.note("nothing is found");
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
    `${colours.bold(title)}  ${colours.dim(hit.score.toFixed(4))}`,
    ...wrap(visibleText(hit.snippet).trim(), out.columns - 3).map((line) => `  ${emphasised(line)}`),
    colours.dim(`  ${visibleLine(hit.citation)}  ${visibleLine(hit.uri)}`),
    ...(hit.ancestry?.node ? [colours.dim(`  from ${visibleLine(hit.ancestry.node)}`)] : []),
  ].join("\n");
}
