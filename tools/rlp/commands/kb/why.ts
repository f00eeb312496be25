/** `rlp kb why`: the events behind an entity, oldest first, and what led to each. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import { MAX_EVENTS, why, type WhyEvent } from "#kb/why/why.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { clockTime } from "../../terminal/quantity.js";
import type { StoryLine } from "#kb/why/story.js";
import { cut, width, wrap } from "../../terminal/width.js";
import { withViews } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .argument(
      "<entity>",
      "artifact:…, contact:…, document:…, run:…, node:<run>#<node>, proposal:…, an address, or a beginning of one",
    )
    .addHelpText(
      "after",
      examples(
        ["rlp kb why artifact:3f2a", "the run, the agents, the notes and the decision behind a mail"],
        ["rlp kb why ada@example.com", "where a contact comes from, and every change of it"],
      ),
    )
    .action(act(explain));
}

async function explain(context: Context, args: readonly string[]) {
  const { out } = context;
  const [entity] = args;
  if (entity === undefined) throw usage("no entity is named", "rlp kb why ada@example.com");
  const found = await withViews(context, (kb) => why(kb, entity));
  if (!found)
    throw new KbError("KB_NOT_FOUND", `nothing is known of \`${entity}\``, {
      hint: "this home has no knowledge base yet; `rlp kb ingest` makes one",
    });
  if (!out.readable)
    out.data({ entity: found.entity, story: found.story, events: found.events.map(recordOf), truncated: found.truncated });
  else {
    const widest = String(found.events.at(-1)?.id ?? 0).length;
    out.print(
      [
        out.colours.bold(visibleLine(found.entity)),
        ...found.story.flatMap((part) => storyLines(part, context)),
        "",
        ...found.events.map((event) => eventLine(event, widest, context)),
      ].join("\n"),
    );
    if (found.truncated) out.warn(`only the nearest ${MAX_EVENTS} events are shown`);
    out.note("* is about it; the others led to it; ← names the causes");
  }
  return Exit.ok;
}

/** What it is about, then what there is of it, each on a line of its own. */
function storyLines({ what, lines }: StoryLine, { out }: Context): readonly string[] {
  const room = Math.max(16, out.columns - 14);
  return lines
    .flatMap((line) => wrap(visibleLine(line), room))
    .map((line, index) => `  ${out.colours.dim((index === 0 ? what : "").padEnd(10))}  ${line}`);
}

/** Marks, numbers and causes stay whole; what happened gives way where the terminal is narrow. */
function eventLine({ id, tsMs, kind, what, causes, own }: WhyEvent, widest: number, { out, flags }: Context): string {
  const head = `${own ? "*" : " "} ${String(id).padStart(widest)}  ${clockTime(tsMs).slice(0, 8)}  ${kind.padEnd(15)}  `;
  const led = causes.length > 0 ? `  ← ${causes.join(" ")}` : "";
  const room = Math.max(16, out.columns - width(head) - width(led));
  const text = visibleLine(what);
  const line = head + (flags.verbose ? text : cut(text, room));
  return (own ? out.colours.bold(line) : line) + out.colours.dim(led);
}

/** Names as in events. */
function recordOf({ id, tsMs, kind, actor, traceId, seq, what, causes, own }: WhyEvent) {
  return { id, ts_ms: tsMs, kind, actor, trace_id: traceId, seq, what, causes, own };
}
