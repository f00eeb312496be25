/** `rlp kb import`: an exported ledger becomes the ledger of a home that has none. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { storageError } from "#kb/errors.js";
import { importLedger } from "#kb/portable/import.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { ledgerOptions } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<file>", "what `rlp kb export` wrote; `-` is standard input")
    .option("--key <name>", "checkpoints of this key count, too: for a ledger of another home", collect, [])
    .addHelpText(
      "after",
      examples([
        "rlp kb import ledger.ndjson --home ~/.runloop-old",
        "each row and blob is checked; a ledger that is there is never joined",
      ]),
    )
    .action(act(importAll));
}

const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];

async function importAll(context: Context, args: readonly string[], flags: { readonly key: readonly string[] }) {
  const { out, world } = context;
  const [file = ""] = args;
  const { home } = await context.load();
  const { checkpointKeys } = await import("#host/trust/ledger-keys.js");
  const options = await ledgerOptions(context);
  const chunks = file === "-" ? world.stdin : createReadStream(resolve(world.cwd, file));
  try {
    const { rows, last, head } = await importLedger({
      ...options,
      chunks,
      name: file === "-" ? "standard input" : file,
      keys: checkpointKeys(home.keysDir, flags.key),
    });
    if (!out.readable) out.data({ rows, last, head });
    else out.print(`imported: ${rows} rows, head ${last}:${head}`);
    return Exit.ok;
  } catch (cause) {
    throw storageError(cause, file, "import the ledger");
  }
}
