/** `rlp plan`: the levels of the graph, each node's agent, rights, limits, and what it may ask for. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Compiled } from "#host/run/contract.js";
import type { Opening } from "#openings/ir.js";
import type { Act, Context } from "../context.js";
import { compileOpening, openingArgument, usable } from "../opening.js";
import { examples } from "../program.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";

export function define(command: Command, act: Act): void {
  paramOptions(command.argument("<opening>", "the opening's file (YAML)"))
    .addHelpText("after", examples(["rlp plan examples/openings/compose_email.yaml", "nothing is run, nobody is asked"]))
    .action(
      act<ParamFlags>(async (context, args, flags) => {
        const compiled = await compileOpening(context, openingArgument(args), paramsOf(flags, context));
        await showPlan(context, usable(compiled, context.out));
        return Exit.ok;
      }),
    );
}

/** Text, and JSON where that was asked for: a plan is made to be read. */
export async function showPlan(context: Context, { opening, agents }: Compiled & { readonly opening: Opening }): Promise<void> {
  const { out } = context;
  const [{ planOpening }, { planText }, { priceBook }, { config }] = await Promise.all([
    import("#openings/plan/plan.js"),
    import("#openings/plan/text.js"),
    import("#host/broker/price-book.js"),
    context.load(),
  ]);
  const catalog = {
    get: (name: string, variant: string | null) => agents.get(variant === null ? name : `${name}@${variant}`),
    names: () => [...agents.keys()],
  };
  const plan = planOpening(opening, catalog, priceBook(config));
  if (out.json) out.data(plan);
  else out.print(planText(plan));
}
