/** `rlp trace import`: takes in a run from elsewhere, to look at and to replay. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<file>", "a file of `rlp trace export` or `rlp run --trace-out`")
    .addHelpText(
      "after",
      examples(["rlp trace import run.ndjson", "then `rlp trace`, `rlp replay` and `rlp diff` know it by its id"]),
    )
    .action(act(importOne));
}

async function importOne(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out, world } = context;
  const [name] = args;
  if (name === undefined) throw usage("no file is named", "`rlp trace export` writes one");
  const host = await context.host();
  const { importTrace } = await import("#host/trace/imported.js");
  const { trace, file, isNew } = await importTrace(host, resolve(world.cwd, name));
  if (!out.readable) out.data({ trace_id: trace.traceId, file, events: trace.events.length, is_new: isNew });
  else {
    out.print(`${trace.traceId}: ${isNew ? `${trace.events.length} events came in` : "was here already"}`);
    out.note(
      `it is somebody else's run: ${context.invocation(`replay ${trace.traceId}`)} executes it again, nothing goes on in it`,
    );
  }
  return Exit.ok;
}
