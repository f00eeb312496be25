/** `rlp agent test`: an agent's own cases, in a real sandbox with scripted answers. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import type { TrialResult } from "#host/trial/trial.js";
import { bundleFolder } from "../../bundle.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../../run/accept-reduced.js";
import { count } from "../../terminal/quantity.js";

export function define(command: Command, act: Act): void {
  acceptReducedOption(command.argument("[bundle]", "the bundle's folder, or its name under agents/", "."))
    .addHelpText(
      "after",
      examples(["rlp agent test note_taker", "runs agents/note_taker/tests/*.yaml; exit code 1 where one fails"]),
    )
    .action(act(test));
}

async function test(context: Context, args: readonly string[], flags: AcceptReducedFlags): Promise<ExitCode> {
  const { out, world } = context;
  const folder = bundleFolder(context, args[0] ?? ".");
  const [host, { readCases }, { runCase }] = await Promise.all([
    context.host(acceptedReduced(flags)),
    import("#host/trial/case.js"),
    import("#host/trial/trial.js"),
  ]);
  const cases = await readCases(folder);
  // Its answers are scripted, as in a replay: nothing happens outside, and what its policy says is what is tested.
  const agent = await host.agentIn(folder, { purpose: "replay" });
  const { face } = agent;
  const results: TrialResult[] = [];
  for (const each of cases) {
    const result = await runCase(agent, each, { sandbox: host.sandbox(), types: host.types });
    results.push(result);
    if (out.readable) out.print(lines(context, result).join("\n"));
  }
  const failed = results.filter(({ differences }) => differences.length > 0).length;
  if (out.readable) out.print(`${results.length - failed} of ${results.length} cases pass`);
  else
    out.data({
      name: face.name,
      passed: results.length - failed,
      failed,
      cases: results.map(({ file, ...rest }) => ({ file: shortPath(file, world.cwd), ...rest })),
    });
  return failed === 0 ? Exit.ok : Exit.failed;
}

function lines({ out, world }: Context, { file, name, differences, fuel }: TrialResult): readonly string[] {
  const good = differences.length === 0;
  const mark = good ? out.colours.green(out.unicode ? "✓" : "ok") : out.colours.red(out.unicode ? "✗" : "FAILED");
  const where = good ? `${count(fuel)} fuel` : shortPath(file, world.cwd);
  return [
    `${mark} ${visibleLine(name)}  ${out.colours.dim(visibleLine(where))}`,
    ...differences.map((line) => `    ${visibleLine(line)}`),
  ];
}
