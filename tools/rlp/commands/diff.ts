/** `rlp diff`: where two runs part, node by node and port by port. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { RunDifference } from "#openings/compare/difference.js";
import type { Opening } from "#openings/ir.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";
import { withRun, type NamedRun } from "../run/source.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<a>", "a run's id, or the beginning of it, or a trace file")
    .argument("<b>", "another one")
    .addHelpText(
      "after",
      examples(
        ["rlp diff 0199a3 0199a7", "exit code 0 where nothing differs, 1 where something does"],
        ["rlp diff 0199a3 run.ndjson -v", "values whole, however long"],
      ),
    )
    .action(act(diff));
}

async function diff(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out } = context;
  const [a, b] = args;
  if (a === undefined || b === undefined) throw usage("two runs are needed", "`rlp runs` lists the runs there are");
  return withRun(context, a, (one) =>
    withRun(context, b, async (other) => {
      const { compareRuns } = await import("#openings/compare/compare.js");
      const found = compareRuns(compared(one), compared(other));
      if (out.readable) await print(context, one, other, found);
      else out.data({ a: one.traceId, b: other.traceId, ...found });
      return found.same ? Exit.ok : Exit.failed;
    }),
  );
}

function compared(run: NamedRun) {
  const events = [...run.events()];
  const [first] = events;
  if (first?.kind !== "run.started") throw usage(`${run.traceId} does not begin as a run does`);
  const { opening } = first.meta;
  return {
    events,
    opening: run.load({ blob: opening, bytes: 0 }) as unknown as Opening,
    load: (stored: Parameters<NamedRun["load"]>[0]) => run.load(stored),
  };
}

async function print(context: Context, a: NamedRun, b: NamedRun, found: RunDifference): Promise<void> {
  const { differenceLines } = await import("../run/difference.js");
  const lines = differenceLines({ a: a.traceId, b: b.traceId }, found, context.out.colours, context.flags.verbose);
  context.out.print(lines.join("\n"));
}
