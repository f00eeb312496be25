/** `rlp kb query`: one SELECT over the views, in a process of its own that is killed when it takes too long. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { KbError } from "#kb/errors.js";
import { query, queryLimits, type Cell } from "#kb/query/query.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { table } from "../../terminal/table.js";
import { withViews } from "../../views.js";
import { wholeNumber } from "../../whole-number.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<sql>", "one SELECT; tables: contacts, documents, chunks, artifacts, runs, run_nodes, run_calls, proposals, …")
    .option("--limit <n>", "at most so many rows", wholeNumber("--limit", 100_000, 1), queryLimits.rows)
    .addHelpText(
      "after",
      examples(
        [`rlp kb query "SELECT name, email FROM contacts"`, "a table"],
        [`rlp kb query "SELECT count(*) AS runs FROM runs" --json`, "columns and rows"],
      ),
    )
    .action(act(ask));
}

async function ask(context: Context, args: readonly string[], flags: { readonly limit: number }) {
  const { out } = context;
  const [sql = ""] = args;
  if (sql.trim() === "") throw usage("there is no query", `rlp kb query "SELECT name, email FROM contacts"`);
  const result = await withViews(context, (kb) => query(kb, sql, { rows: flags.limit }));
  if (!result) throw new KbError("KB_NOT_FOUND", "this home has no knowledge base yet", { hint: "`rlp kb ingest` makes one" });
  if (!out.readable) out.data(result);
  else {
    const columns = result.columns.map((title, index) => ({
      title,
      of: (row: readonly Cell[]) => (row[index] === null ? "" : String(row[index])),
      flexible: true,
    }));
    const [head = "", ...lines] = table(result.rows, columns, out.columns);
    out.print([out.colours.bold(head), ...lines].join("\n"));
  }
  if (result.cut !== null)
    out.warn(`cut at ${result.cut === "rows" ? `${flags.limit} rows; --limit takes more` : "1 MiB; ask for less"}`);
  return Exit.ok;
}
