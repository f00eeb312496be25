/** `rlp trace <run>`: the ladder of a run's crossings and calls; its events as NDJSON where nobody looks. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { shortPath, type Act, type Context } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";
import { rungOf, type Rung } from "../run/ladder.js";
import { withRun } from "../run/source.js";
import { clockTime } from "../terminal/quantity.js";
import { paint } from "../terminal/state.js";
import { cut, pad, width } from "../terminal/width.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<trace>", "the run's id, or the beginning of it, or a trace file")
    .option("--relative", "times since the run started, instead of the clock's")
    .addHelpText(
      "after",
      examples(
        ["rlp trace 0199a3", "a beginning that fits one run is enough"],
        ["rlp trace 0199a3 --json > run.ndjson", "its events, for agtop and other readers"],
        ["rlp trace 0199a3 -v", "budgets and granted capabilities too"],
      ),
    )
    .action(act(trace));
}

async function trace(context: Context, args: readonly string[], flags: { readonly relative?: boolean }) {
  const { out } = context;
  const [id] = args;
  if (id === undefined) throw usage("no run is named", "`rlp runs` lists the runs there are");
  return withRun(context, id, (run) => {
    let startMs: number | null = null;
    for (const event of run.events()) {
      if (out.closed.aborted) break;
      if (!out.readable) {
        out.data(event);
        continue;
      }
      if (startMs === null) {
        startMs = event.ts_ms;
        out.print(out.colours.bold(run.traceId));
        if (run.file !== null)
          out.print(out.colours.dim(`from elsewhere: ${visibleLine(shortPath(run.file, context.world.cwd))}`));
      }
      const rung = rungOf(event);
      if (rung.detail && !context.flags.verbose) continue;
      const time = flags.relative ? `+${event.ts_ms - startMs} ms` : clockTime(event.ts_ms);
      out.print(rungLine(rung, flags.relative ? time.padStart(12) : time, context));
    }
    return Exit.ok;
  });
}

const WHO = 14;

function rungLine({ who, what, state }: Rung, time: string, { out, flags }: Context): string {
  const { colours } = out;
  const name = visibleLine(who);
  const head = `${colours.dim(time)}  ${pad(name, WHO)}  `;
  const text = visibleLine(what);
  const room = out.columns - width(head);
  // Failures are never cut: they are what one looks for.
  const shown = state === "error" || flags.verbose ? text : cut(text, Math.max(20, room));
  return head + (state === null ? shown : paint(state, shown, colours));
}
