/** `rlp kb export`: the whole ledger as NDJSON. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { KbError } from "#kb/errors.js";
import { exportLedger } from "#kb/portable/export.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[file]", "must not exist yet; standard output by default")
    .addHelpText(
      "after",
      examples(
        ["rlp kb export ledger.ndjson", "everything that it holds, in the clear: keep the file as you keep the ledger"],
        ["rlp kb export | zstd > ledger.ndjson.zst", "no larger in memory than one blob"],
      ),
    )
    .action(act(exportAll));
}

async function exportAll(context: Context, args: readonly string[]) {
  const { out, world } = context;
  const { kbRoot } = (await context.load()).home;
  const [file] = args;
  if (file === undefined) {
    for (const line of exportLedger(kbRoot)) {
      if (out.closed.aborted) break;
      if (!out.stdout.write(`${line}\n`) && "once" in out.stdout) await once(out.stdout as never, "drain");
    }
    return Exit.ok;
  }
  const lines = function* (): Generator<string> {
    for (const line of exportLedger(kbRoot)) yield `${line}\n`;
  };
  try {
    await pipeline(
      Readable.from(lines()),
      createWriteStream(resolve(world.cwd, file), { flags: "wx", mode: 0o600, flush: true }),
    );
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new KbError("KB_EXISTS", "the file is there already", { place: { file }, hint: "name another one" });
  }
  return Exit.ok;
}
