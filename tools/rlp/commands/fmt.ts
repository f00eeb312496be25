/** `rlp fmt`: an opening in its usual YAML form. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, UsageError } from "#core/errors.js";
import { OpeningError } from "#openings/language/diagnostic.js";
import type { Act, Context } from "../context.js";
import { shortPath } from "../context.js";
import { usage } from "../failure.js";
import { openingArgument } from "../opening.js";
import { examples } from "../program.js";

interface FmtFlags {
  readonly write?: boolean;
  readonly check?: boolean;
}

export function define(command: Command, act: Act): void {
  command
    .argument("<opening>", "the opening's file, in YAML or in the brace form")
    .option("--write", "change the file; one in the brace form stays, and a .yaml is written beside it")
    .option("--check", "print nothing; exit 1 if the file is not in its usual form")
    .addHelpText(
      "after",
      examples(
        ["rlp fmt examples/openings/compose_email.yaml", "prints it; comments and meaning stay"],
        ["rlp fmt compose.opening > compose.yaml", "from the brace form to YAML"],
        ["rlp fmt opening.yaml --write", "in place"],
      ),
    )
    .action(act(fmt));
}

async function fmt(context: Context, args: readonly string[], { write = false, check = false }: FmtFlags) {
  const { world, out } = context;
  if (write && check) throw usage("`--write` and `--check` do not go together");
  const named = openingArgument(args);
  const file = resolve(world.cwd, named);
  const [{ readOpening }, { formatOpening }] = await Promise.all([
    import("#host/opening/file.js"),
    import("#openings/formatting/format-opening.js"),
  ]);
  const bytes = await readOpening(file);
  const made = formatOpening(named, bytes);
  if (!made.ok) throw new OpeningError(made.diagnostics);
  const same = Buffer.from(made.text).equals(bytes);
  if (check) {
    if (out.json) out.data({ file: named, form: made.form, formatted: same });
    else if (!same)
      out.complain(`${named} is not in its usual form: \`${context.invocation(`fmt ${named} --write`)}\` writes it`);
    return same ? Exit.ok : Exit.failed;
  }
  if (!write) {
    if (out.json) out.data({ file: named, form: made.form, formatted: same, text: made.text });
    else out.print(made.text);
    return Exit.ok;
  }
  const target = made.form === "yaml" || /\.ya?ml$/.test(file) ? file : `${file.replace(/\.(?:opening|rlp)$/, "")}.yaml`;
  if (target !== file && existsSync(target))
    throw new UsageError("USAGE", `${shortPath(target, world.cwd)} is there already`, {
      hint: "remove it first, or print with `rlp fmt`",
    });
  if (target !== file || !same) replace(target, made.text);
  if (out.json) out.data({ file: shortPath(target, world.cwd), form: made.form, formatted: true });
  else out.note(target === file && same ? `${named} was in its usual form` : `written to ${shortPath(target, world.cwd)}`);
  return Exit.ok;
}

/** Whole or not at all: an interrupted write leaves the file that was there. */
function replace(file: string, text: string): void {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(beside, text, { flag: "wx" });
    renameSync(beside, file);
  } catch (cause) {
    rmSync(beside, { force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new UsageError("USAGE", `cannot write ${file}: ${code ?? message}`, { cause });
  }
}
