/** `rlp sim`: one opening, many simulated runs, with faults: what was exercised, what never was, and what broke. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { simulatedBudgets } from "#host/broker/simulated.js";
import type { CampaignReport } from "#openings/sim/campaign.js";
import type { Covered } from "#openings/sim/coverage.js";
import type { Fault } from "#openings/sim/faults.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { compileOpening, openingArgument, usable } from "../opening.js";
import { examples } from "../program.js";
import { readAnswers } from "../run/answers.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";
import { table } from "../terminal/table.js";
import { wholeNumber } from "../whole-number.js";

interface Flags extends ParamFlags {
  readonly seeds: number;
  readonly seed: number;
  readonly faults?: string;
  readonly answers?: string;
}

export function define(command: Command, act: Act): void {
  paramOptions(command.argument("<opening>", "the opening's file (YAML)"))
    .option("--seeds <n>", "how many runs, each with the next seed", wholeNumber("--seeds", 10_000_000, 1), 1000)
    .option("--seed <n>", "the seed of the first", wholeNumber("--seed", Number.MAX_SAFE_INTEGER - 10_000_000), 0)
    .option(
      "--faults <list>",
      "what goes wrong: crash, retryable, error, trap, timeout, slow, provider, reject, type; all; none",
      "all",
    )
    .option(
      "--answers <file>",
      "what the nodes give: a JSON file, or trace:<id> of a run; drawn from their ports' schemas where it says nothing",
    )
    .addHelpText(
      "after",
      examples(
        ["rlp sim examples/openings/compose_email.yaml", "a thousand runs under every fault"],
        ["rlp sim opening.yaml --seeds 1 --seed 417 --faults crash,trap", "that one run again"],
        ["rlp sim opening.yaml --answers trace:0199", "with what the agents gave in a run"],
      ),
    )
    .action(act<Flags>(sim));
}

async function sim(context: Context, args: readonly string[], flags: Flags): Promise<ExitCode> {
  const compiled = usable(await compileOpening(context, openingArgument(args), paramsOf(flags, context)), context.out);
  const [{ campaign }, { allFaults }] = await Promise.all([
    import("#openings/sim/campaign.js"),
    import("#openings/sim/faults.js"),
  ]);
  const chosen = readFaults(flags.faults ?? "all", allFaults);
  const script = await readAnswers(context, flags.answers);
  const host = await context.host();
  const stop = new AbortController();
  const forget = context.world.onInterrupt(() => stop.abort());
  const began = performance.now();
  try {
    const report = await campaign({
      opening: compiled.opening,
      agentOf: (name) => compiled.agents.get(name),
      types: host.types,
      script,
      faults: chosen,
      budgets: simulatedBudgets,
      seed: flags.seed,
      seeds: flags.seeds,
      maxParallel: host.config.runtime.max_agents,
      signal: stop.signal,
    });
    show(context, report, { ...flags, name: compiled.opening.name, seconds: (performance.now() - began) / 1000 });
    return report.broken.length > 0 ? Exit.mismatch : Exit.ok;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    context.out.complain("interrupted; `--seeds` with a smaller number ends by itself");
    return Exit.interrupted;
  } finally {
    forget();
  }
}

function readFaults(text: string, all: readonly Fault[]): readonly Fault[] {
  if (text === "all") return all;
  if (text === "none") return [];
  return text.split(",").map((word) => {
    const fault = all.find((each) => each === word.trim());
    if (fault) return fault;
    throw usage(`\`${visibleLine(word.slice(0, 40))}\` is no fault`, `--faults ${all.join(",")}`);
  });
}

function show({ out }: Context, report: CampaignReport, ran: Flags & { readonly name: string; readonly seconds: number }): void {
  if (out.json) return out.data({ opening: ran.name, seed: ran.seed, faults: ran.faults, ...report });
  const { ended, runs, crashed, broken } = report;
  const pace = Math.round(runs / Math.max(ran.seconds, 0.001));
  const say = (text: string): void => out.print(text);
  say(`${visibleLine(ran.name)}: ${runs} runs from seed ${ran.seed}, ${pace} a second`);
  say(`  ${ended.ok} ok, ${ended.error} failed, ${ended.cancelled} cancelled; ${crashed} were killed on the way and resumed`);
  say("");
  const columns = [
    { title: "what", of: ({ what }: Covered) => what },
    { title: "where", of: ({ name }: Covered) => name, flexible: true },
    {
      title: "how often",
      of: ({ outcomes }: Covered) =>
        Object.entries(outcomes)
          .map(([way, times]) => `${way} ${times || "never"}`)
          .join(", "),
      flexible: true,
    },
  ];
  for (const line of table(report.coverage, columns, out.columns)) say(line);
  const [most] = report.reasons;
  if (most) {
    say("");
    say("why runs failed, with the first seed of each:");
    for (const { reason, times, seed } of report.reasons.slice(0, 8))
      say(`  ${times} × ${visibleLine(reason).slice(0, 160)} (--seed ${seed})`);
  }
  say("");
  if (broken.length === 0) return say("no run broke an invariant; those that were killed ended as if they had not been");
  say("BROKEN, which is a fault of rlp and not of your opening:");
  for (const { seed, what } of broken) say(`  --seeds 1 --seed ${seed}: ${visibleLine(what)}`);
}
