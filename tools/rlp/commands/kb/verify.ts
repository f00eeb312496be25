/** `rlp kb verify`: walks the whole ledger and names the first row that is not as it was written. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import type { Act, Context } from "../../context.js";
import { formatFailure } from "../../failure.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .addHelpText("after", examples(["rlp kb verify", "exit code 4 if something was altered, removed or reordered"]))
    .action(act(verify));
}

async function verify(context: Context) {
  const { out } = context;
  const { kbRoot } = (await context.load()).home;
  const report = await verifyLedger({ root: kbRoot });
  if (!out.readable) out.data(report);
  if (report.ok) {
    if (out.readable)
      out.print(
        `in order: ${report.rows} rows, ${report.blobs} blobs, ${report.runs} runs\nhead ${report.head}  (noted down, it proves later that nothing before it was changed)`,
      );
    return Exit.ok;
  }
  // The first bad row says most; a missing trigger, or the like, comes behind it.
  const first = report.problems.find(({ id }) => id !== null) ?? report.problems[0];
  const others = report.problems.filter((problem) => problem !== first);
  const place = { file: kbRoot, ...(first?.id != null && { at: `row ${first.id}` }) };
  const hint =
    first?.id == null
      ? "`rlp kb query` and replays go on; put a copy of the ledger back to be sure of it"
      : "rows before that one are as they were written; a copy of the ledger from before the damage can be put in its place";
  if (out.json)
    out.complain(JSON.stringify({ code: "KB_BROKEN_CHAIN", message: first?.what ?? "the ledger is damaged", place, hint }));
  else {
    out.complain(formatFailure({ code: "KB_BROKEN_CHAIN", message: first?.what ?? "the ledger is damaged", place, hint }, out));
    for (const { id, what } of others) out.complain(`  ${id === null ? "" : `row ${id}: `}${visibleLine(what)}`);
  }
  return Exit.mismatch;
}
