/** `rlp graph`: an opening as a drawing. */
import { extname } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Drawing } from "#openings/graph/drawing.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { compileOpening, openingArgument, usable } from "../opening.js";
import { printed } from "../printed.js";
import { examples } from "../program.js";
import { paramOptions, paramsOf, type ParamFlags } from "../run/param-options.js";

const FORMATS = ["mermaid", "dot", "svg"] as const;
type Format = (typeof FORMATS)[number];
type GraphFlags = ParamFlags & Readonly<Partial<Record<Format, boolean>>> & { readonly output?: string };

const ENDINGS: Readonly<Record<string, Format>> = {
  ".mmd": "mermaid",
  ".mermaid": "mermaid",
  ".dot": "dot",
  ".gv": "dot",
  ".svg": "svg",
};

export function define(command: Command, act: Act): void {
  paramOptions(
    command
      .argument("<opening>", "the opening's file")
      .option("--mermaid", "a Mermaid flowchart, as Markdown shows it (the default)")
      .option("--dot", "for Graphviz")
      .option("--svg", "an image, laid out")
      .option("-o, --output <file>", "write it there; its ending chooses the format"),
  )
    .addHelpText(
      "after",
      examples(
        ["rlp graph examples/openings/compose_email.yaml", "a Mermaid flowchart on standard output"],
        ["rlp graph examples/openings/compose_email.yaml -o compose_email.svg", "an image"],
      ),
    )
    .action(act(graph));
}

async function graph(context: Context, args: readonly string[], flags: GraphFlags) {
  const format = formatOf(flags);
  const compiled = await compileOpening(context, openingArgument(args), paramsOf(flags, context));
  const { opening } = usable(compiled, context.out);
  const { drawOpening } = await import("#openings/graph/drawing.js");
  const drawing = drawOpening(opening);
  printed(context, await written[format](drawing), flags.output);
  return Exit.ok;
}

const written = {
  mermaid: async (drawing) => (await import("#openings/graph/mermaid.js")).mermaidText(drawing),
  dot: async (drawing) => (await import("#openings/graph/dot.js")).dotText(drawing),
  svg: async (drawing) => (await import("#openings/graph/svg.js")).svgText(drawing),
} satisfies Record<Format, (drawing: Drawing) => Promise<string>>;

function formatOf(flags: GraphFlags): Format {
  const asked = FORMATS.filter((format) => flags[format] === true);
  if (asked.length > 1) throw usage(`\`--${asked[0]}\` and \`--${asked[1]}\` do not go together`);
  return asked[0] ?? ENDINGS[extname(flags.output ?? "").toLowerCase()] ?? "mermaid";
}
