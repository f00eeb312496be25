/** `rlp kb forget`: destroys what the records say of a person or hold of a document. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import { emptyLogs, forget } from "#kb/forget.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { withWrites } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<entity>", "contact:…, an address, document:… or a digest")
    .option("--reason <text>", "kept in the ledger, in the clear")
    .addHelpText(
      "after",
      examples([
        "rlp kb forget ada@example.com",
        "the key of each record about her is destroyed, for good; the chain still verifies",
      ]),
    )
    .action(act(forgetEntity));
}

async function forgetEntity(context: Context, args: readonly string[], flags: { readonly reason?: string }) {
  const { out } = context;
  const [entity = ""] = args;
  if (entity === "") throw usage("nothing is named", "rlp kb forget ada@example.com");
  const done = await withWrites(context, (kb) => forget(kb, entity, flags.reason));
  if (!done) throw new KbError("KB_NOT_FOUND", "this home has no knowledge base yet", { hint: "there is nothing to forget" });
  const logsEmptied = emptyLogs((await context.load()).home.kbRoot);
  const { rows, blobs, remains } = done;
  if (!out.readable) out.data({ ...done, logs_emptied: logsEmptied });
  else
    out.print(
      `forgotten: ${visibleLine(done.entity)}, ${rows.length} row${rows.length === 1 ? "" : "s"}, ${blobs.length} blob${blobs.length === 1 ? "" : "s"} (event ${done.event})`,
    );
  if (remains.rows > 0)
    out.warn(
      `${remains.rows} rows hold it in the clear and stay: what runs have read and written, which a replay needs, and records of an older rlp${remains.runs.length > 0 ? `: ${remains.runs.slice(0, 3).join(", ")}${remains.runs.length > 3 ? ", …" : ""}` : ""}`,
    );
  if (!logsEmptied) out.warn("another process is reading: its end empties the logs, which may still hold pages as they were");
  out.note("backups, exports and trace files that were made before still hold it, and so may files that were ingested");
  return Exit.ok;
}
