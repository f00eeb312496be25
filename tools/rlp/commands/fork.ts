/** `rlp fork`: a new run that begins with what another one had come to before a node, and executes the rest. */
import { Option, type Command } from "commander";
import { resolve } from "node:path";
import { Exit, type ExitCode } from "#core/errors.js";
import type { NodeId } from "#core/ids.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { usable } from "../opening.js";
import { examples } from "../program.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../run/accept-reduced.js";
import { bundleOption, bundlesOf, type BundleFlags } from "../run/bundles.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";
import { readParams } from "../run/params.js";
import { seedOptions, type SeedFlags } from "../run/seed-options.js";
import { ownTrace } from "../run/source.js";
import { viewOf } from "../run/view.js";
import { watchRun, type WatchFlags } from "../run/watched.js";
import { writablePath } from "../run/writable.js";
import { showPlan } from "./plan.js";

interface ForkFlags extends ParamFlags, BundleFlags, SeedFlags, AcceptReducedFlags, Omit<WatchFlags, "traceOut"> {
  readonly from?: string;
  readonly opening?: string;
  readonly model?: string;
  readonly policy?: readonly string[];
  readonly traceOut?: string;
  readonly dryRun?: boolean;
}

export function define(command: Command, act: Act): void {
  acceptReducedOption(
    seedOptions(
      bundleOption(
        paramOptions(
          command
            .argument("<trace>", "the run to begin with: its id, or the beginning of it")
            .requiredOption("--from <node>", "executed from this node on: it, and what depends on it"),
        ),
        "another bundle of an agent; may be given again",
      ),
      "that run's",
    ),
  )
    .option("--opening <file>", "this opening in the place of the run's own")
    .option("--model <name>", "another model, for the nodes from there on that take one")
    .option(
      "--policy <key=value>",
      "another value in the opening's policy: confirm_external, timeout_ms, budget_tokens, …; may be given again",
      (word: string, before: readonly string[] = []) => [...before, word],
    )
    .addOption(new Option("--yes", "approve whatever is proposed").conflicts("deny"))
    .addOption(new Option("--deny", "reject whatever is proposed"))
    .option("--trace-out <file>", "write the new run there: a file that replays anywhere")
    .option("--dry-run", "check and plan, run nothing")
    .addHelpText(
      "after",
      examples(
        ["rlp fork 0199a3 --from draft --param tone=formal", "another tone; who it is for and what is known stay as they were"],
        ["rlp fork 0199a3 --from draft --agent writer=./writer", "the writer that you have just mended, on the very same inputs"],
      ),
    )
    .action(act(fork));
}

async function fork(context: Context, args: readonly string[], flags: ForkFlags): Promise<ExitCode> {
  const { out, world } = context;
  const [id] = args;
  if (id === undefined) throw usage("no run is named", "`rlp runs` lists the runs there are");
  const from = (flags.from ?? "") as NodeId;
  const traceOut = flags.traceOut === undefined ? undefined : writablePath(resolve(world.cwd, flags.traceOut), "--trace-out");
  const policy = readParams(undefined, flags.policy ?? [], () => "");
  const params = paramsOf(flags, context);
  const host = await context.host({ warm: !flags.dryRun, ...acceptedReduced(flags) });
  const traceId = await ownTrace(context, await host.ledger(), id, "forked");
  const { compileFork, forkRun, mustHave } = await import("#host/run/fork.js");
  const compiled = usable(
    await compileFork(host, traceId, {
      params,
      agents: bundlesOf(flags, context),
      edits: Object.entries(policy).map(([key, value]) => ({ path: ["policy", key], value })),
      ...(flags.opening !== undefined && { file: resolve(world.cwd, flags.opening) }),
      ...(flags.model !== undefined && { model: { name: flags.model, from } }),
    }),
    out,
  );
  mustHave(compiled, from);
  if (flags.dryRun) {
    await showPlan(context, compiled);
    return Exit.ok;
  }
  return watchRun(
    context,
    {
      host,
      view: viewOf(compiled.opening),
      start: (options) =>
        forkRun(host, traceId, compiled, {
          ...options,
          from,
          ...(flags.seed !== undefined && { seed: flags.seed }),
          ...(flags.epoch !== undefined && { epochMs: flags.epoch }),
        }),
    },
    { ...(flags.yes && { yes: true }), ...(flags.deny && { deny: true }), traceOut },
  );
}
