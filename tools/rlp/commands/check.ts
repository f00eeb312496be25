/** `rlp check`: everything that is wrong with an opening, in one go, and nothing else. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import type { Act, Context } from "../context.js";
import { compileOpening, countDiagnostics, openingArgument, tellDiagnostics } from "../opening.js";
import { examples } from "../program.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";

export function define(command: Command, act: Act): void {
  paramOptions(command.argument("<opening>", "the opening's file (YAML)"))
    .addHelpText(
      "after",
      examples(
        ["rlp check examples/openings/compose_email.yaml", "all errors with their lines, on standard error"],
        ["rlp check opening.yaml --json", "the same as one JSON array, on standard output"],
      ),
    )
    .action(act(check));
}

async function check(context: Context, args: readonly string[], flags: ParamFlags) {
  const { out } = context;
  const compiled = await compileOpening(context, openingArgument(args), paramsOf(flags, context));
  const { diagnostics, opening } = compiled;
  const wrong = opening === null || diagnostics.some(({ severity }) => severity === "error");
  if (out.json) out.data(diagnostics);
  else {
    tellDiagnostics(diagnostics, out);
    const count = countDiagnostics(diagnostics);
    if (wrong || count !== "") out.complain(count);
    else
      out.note(
        `${visibleLine(compiled.file)}: ${visibleLine(opening.name)} is in order (${opening.nodes.length} nodes, ${opening.edges.length} edges)`,
      );
  }
  return wrong ? Exit.usage : Exit.ok;
}
