/** `rlp run`: compiles an opening, runs it, shows it. */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { compileOpening, openingArgument, usable } from "../opening.js";
import { examples } from "../program.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../run/accept-reduced.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";
import { seedOptions, type SeedFlags } from "../run/seed-options.js";
import { viewOf } from "../run/view.js";
import { watchRun, type WatchFlags } from "../run/watched.js";
import { writablePath } from "../run/writable.js";
import { showPlan } from "./plan.js";

interface RunFlags extends ParamFlags, SeedFlags, AcceptReducedFlags, Omit<WatchFlags, "traceOut"> {
  readonly local?: boolean;
  readonly traceOut?: string;
  readonly dryRun?: boolean;
}

export function define(command: Command, act: Act): void {
  acceptReducedOption(
    seedOptions(
      paramOptions(
        command
          .argument("<opening>", "the opening's file (YAML)")
          .option("--local", "run here, in the foreground; this version has no background host"),
      ),
    ),
  )
    .addOption(new Option("--yes", "approve whatever is proposed").conflicts("deny"))
    .addOption(new Option("--deny", "reject whatever is proposed"))
    .option("--trace-out <file>", "write the run's events and blobs there: a file that replays anywhere")
    .option("--dry-run", "check and plan, run nothing")
    .addHelpText(
      "after",
      examples(
        ["rlp run examples/openings/compose_email.yaml --local", "asks before the mail goes out"],
        [
          "rlp run examples/openings/compose_email.yaml --local --yes --param recipient=ada",
          "another recipient, and no question",
        ],
        ["rlp run opening.yaml --local --json > run.ndjson", "only events, one JSON object a line"],
      ),
    )
    .action(act(run));
}

async function run(context: Context, args: readonly string[], flags: RunFlags): Promise<ExitCode> {
  const file = openingArgument(args);
  if (!flags.local && !flags.dryRun)
    throw usage("there is no background host to hand this run to", `pass --local to run it here: rlp run ${file} --local`);
  const traceOut =
    flags.traceOut === undefined ? undefined : writablePath(resolve(context.world.cwd, flags.traceOut), "--trace-out");
  const params = paramsOf(flags, context);
  const host = await context.host({ warm: !flags.dryRun, ...acceptedReduced(flags) });
  const compiled = usable(await compileOpening(context, file, params, flags.dryRun ? "check" : "run"), context.out);
  if (flags.dryRun) {
    await showPlan(context, compiled);
    return Exit.ok;
  }
  const { startRun } = await import("#host/run/start.js");
  const { opening } = compiled;
  return watchRun(
    context,
    {
      host,
      view: viewOf(opening),
      start: (options) =>
        startRun(host, compiled, {
          ...options,
          ...(flags.seed !== undefined && { seed: flags.seed }),
          ...(flags.epoch !== undefined && { epochMs: flags.epoch }),
        }),
    },
    { ...(flags.yes && { yes: true }), ...(flags.deny && { deny: true }), traceOut },
  );
}
