/** `rlp kb gc`: drops blobs and translated components that nothing refers to. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { collectBlobs, componentsOf } from "#kb/gc.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { bytes } from "../../terminal/quantity.js";

export function define(command: Command, act: Act): void {
  command
    .option("--dry-run", "only say what would be dropped", false)
    .addHelpText("after", examples(["rlp kb gc --dry-run", "what a run needs to be replayed or resumed is kept"]))
    .action(act(gc));
}

async function gc(context: Context, _: readonly string[], flags: { readonly dryRun: boolean }) {
  const { out } = context;
  const { home } = await context.load();
  const { sweepCache } = await import("#host/component/sweep.js");
  const agents = (await (await context.host()).agents()).flatMap(({ face }) => (face ? [face.digest] : []));
  const blobs = collectBlobs(home.kbRoot, flags);
  const components = await sweepCache(home.cacheDir, new Set([...componentsOf(home.kbRoot), ...agents]), flags);
  if (!out.readable) out.data({ dry_run: flags.dryRun, blobs, components });
  else {
    const did = flags.dryRun ? "would drop" : "dropped";
    out.print(
      [
        `${did} ${blobs.blobs} blobs (${bytes(blobs.bytes)}), kept ${blobs.kept.blobs} (${bytes(blobs.kept.bytes)})`,
        `${did} ${components.files} translated components (${bytes(components.bytes)}), kept ${components.kept.files} (${bytes(components.kept.bytes)})`,
      ].join("\n"),
    );
  }
  if (!flags.dryRun && blobs.bytes > 0) out.note("`rlp kb vacuum` gives the room back to the disk");
  return Exit.ok;
}
