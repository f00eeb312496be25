/** `rlp kb stats`: how large the knowledge base is, and what it consists of. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { statsOf } from "#kb/stats.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { bytes, count, moment } from "../../terminal/quantity.js";
import { table } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command.addHelpText("after", examples(["rlp kb stats", "rows by kind, blobs, sizes on the disk"])).action(act(stats));
}

async function stats(context: Context) {
  const { out } = context;
  const { config, home } = await context.load();
  const found = statsOf(home.kbRoot);
  await context.warnOfQuota(config.kb, home.kbRoot);
  if (!out.readable) {
    out.data({ ...found, quota_mib: config.kb.quota_mib });
    return Exit.ok;
  }
  const { rows, runs, firstMs, lastMs, blobs, checkpoints, seals, kinds, viewsBehind, files } = found;
  const [head = "", ...lines] = table(
    kinds,
    [
      { title: "kind", of: ({ kind }) => kind, flexible: true },
      { title: "rows", of: (each) => count(each.rows) },
      { title: "size", of: (each) => bytes(each.bytes) },
    ],
    out.columns,
  );
  out.print(
    [
      `${rows} rows of ${runs} runs${firstMs === null || lastMs === null ? "" : `, ${moment(firstMs)} to ${moment(lastMs)}`}`,
      `${blobs.count} blobs (${bytes(blobs.bytes)}), ${checkpoints} checkpoints, ${seals} seals`,
      ...files.map(
        (file) =>
          `${file.name}: ${bytes(file.bytes)}, log ${bytes(file.logBytes)}, free ${bytes(file.freeBytes)}${file.freeBytes * 4 > file.bytes ? " (`rlp kb vacuum`)" : ""}`,
      ),
      ...(viewsBehind ? [`the views are ${viewsBehind} rows behind: the next reader brings them up`] : []),
      "",
      out.colours.bold(head),
      ...lines,
    ].join("\n"),
  );
  return Exit.ok;
}
