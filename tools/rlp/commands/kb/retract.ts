/** `rlp kb retract`: what shall no longer be found, by an event; into a file first where that is wanted. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import { retract, type Retracting } from "#kb/retract.js";
import type { Act, Context } from "../../context.js";
import { date } from "../../date.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { withWrites } from "../../views.js";

interface RetractFlags {
  readonly before?: number;
  readonly domain?: string;
  readonly archive?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export function define(command: Command, act: Act): void {
  command
    .argument("[entity]", "contact:…, an address, document:…, a digest or a citation")
    .option(
      "--before <date>",
      "all documents and notes that came before this: 2026-11-30 or a full ISO 8601 time",
      date("--before"),
    )
    .option("--domain <domain>", "with --before: of this domain alone")
    .option("--archive <file>", "first write them to this new file, one a line as JSON")
    .option("--reason <text>", "kept in the ledger; of documents in the clear")
    .option("--dry-run", "only say what would be retracted")
    .addHelpText(
      "after",
      examples(
        ["rlp kb retract --before 2025-01-01 --archive old.ndjson", "what is older is no longer found, and is in the file"],
        ["rlp kb retract ada@example.com", "she is no longer among the contacts; `rlp kb forget` destroys"],
      ),
    )
    .action(act(retractRecords));
}

async function retractRecords(context: Context, args: readonly string[], flags: RetractFlags) {
  const { out, world } = context;
  const retracting = asked(args, flags, world.cwd);
  const done = await withWrites(context, (kb) => retract(kb, retracting));
  if (!done) throw new KbError("KB_NOT_FOUND", "this home has no knowledge base yet", { hint: "there is nothing to retract" });
  if (!out.readable) {
    out.data(done);
    return Exit.ok;
  }
  const { documents, contacts, events, archive } = done;
  const count = `${documents.length} document${documents.length === 1 ? "" : "s"}, ${contacts.length} contact${contacts.length === 1 ? "" : "s"}`;
  if (flags.dryRun === true) {
    for (const { title, uri } of documents) out.print(`${visibleLine(title)}  ${visibleLine(uri)}`);
    for (const { name, email } of contacts) out.print(`${visibleLine(name)} <${visibleLine(email)}>`);
    out.note(`would be retracted: ${count}`);
  } else if (!events) out.print("nothing to retract");
  else out.print(`retracted: ${count} (events ${events.first} to ${events.last})`);
  if (archive !== null) out.note(`they are in ${visibleLine(archive)}`);
  return Exit.ok;
}

function asked(args: readonly string[], flags: RetractFlags, cwd: string): Retracting {
  const [entity] = args;
  const { before, domain, archive, reason, dryRun } = flags;
  const common = {
    ...(archive !== undefined && { archive: resolve(cwd, archive) }),
    ...(reason !== undefined && { reason }),
    ...(dryRun !== undefined && { dryRun }),
  };
  const example = "rlp kb retract --before 2025-01-01";
  if (entity !== undefined && (before !== undefined || domain !== undefined))
    throw usage("either one thing is named, or what came before a date", example);
  if (entity !== undefined && entity !== "") return { ...common, entity };
  if (before === undefined) throw usage("nothing is named", example);
  return { ...common, before, ...(domain !== undefined && { domain }) };
}
