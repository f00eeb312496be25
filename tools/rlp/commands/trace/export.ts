/** `rlp trace export`: a run as one file that replays anywhere. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { ownTrace } from "../../run/source.js";
import { writablePath } from "../../run/writable.js";

interface ExportFlags {
  readonly out?: string;
  readonly withComponents?: boolean;
  readonly sign?: boolean;
  readonly key?: string;
}

export function define(command: Command, act: Act): void {
  command
    .argument("<trace>", "the run's id, or the beginning of it")
    .option("-o, --out <file>", "where to; <uuid>.trace.ndjson in this folder where it is not given")
    .option("--with-components", "the bundles of its agents, too: replays where they are not")
    .option("--sign", "sign it with this home's own key, made on first use")
    .option("--key <name>", "sign it with this one of the home's keys")
    .addHelpText(
      "after",
      examples(
        ["rlp trace export 0199a3 --with-components -o run.ndjson", "`rlp replay run.ndjson` needs nothing else"],
        ["rlp trace export 0199a3 --sign", "whoever has your public key can tell that it is yours: rlp trace verify"],
      ),
    )
    .action(act(exportOne));
}

async function exportOne(context: Context, args: readonly string[], flags: ExportFlags): Promise<ExitCode> {
  const { out, world } = context;
  const [id] = args;
  if (id === undefined) throw usage("no run is named", "`rlp runs` lists the runs there are");
  const host = await context.host();
  const traceId = await ownTrace(context, await host.ledger(), id, "exported");
  const file = writablePath(resolve(world.cwd, flags.out ?? `${traceId.slice("trace:".length)}.trace.ndjson`), "--out");
  const { exportTrace } = await import("#host/trace/export.js");
  const seal = await exportTrace(host, traceId, file, {
    ...(flags.withComponents && { withComponents: true }),
    ...((flags.sign || flags.key !== undefined) && { sign: flags.key ?? true }),
  });
  if (!out.readable) out.data({ file, ...seal });
  else {
    const agents = seal.agents === 0 ? "" : `, ${seal.agents} agent${seal.agents === 1 ? "" : "s"}`;
    out.print(`${shortPath(file, world.cwd)}: ${seal.events} events, ${seal.blobs} blobs${agents}`);
    out.note("everything that the run saw stands in it");
  }
  return Exit.ok;
}
