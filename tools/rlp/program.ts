/** The command line as commander sees it: one command whole, and as many of the others, by name and summary, as it may have to name. */
import { Command, CommanderError, Option } from "commander";
import { UsageError } from "#core/errors.js";
import { catalog, type CommandEntry } from "./catalog.js";
import type { Act, GlobalFlags } from "./context.js";
import { usage } from "./failure.js";
import { packageVersion } from "./version.js";

/**
 * Builds the program for one call: `chosen` is the only command whose code is loaded. `alone`: it is certain that it is the one, so
 * nothing is said of the commands beside it and they are left out, which is most of the work.
 */
export async function buildProgram(chosen: CommandEntry | null, alone: boolean, act: Act, write: Writers): Promise<Command> {
  const program = new Command("rlp");
  program
    .description("Runs AI agents that nobody has to trust: sandboxed components, typed graphs, one log, exact replay.")
    .option("-V, --version", "print the version")
    .helpCommand(false)
    .addHelpText("after", "\n`rlp <command> --help` explains a command, with an example.");
  // Commander's own `version()` wants it beforehand, which is a file to read.
  program.on("option:version", () => {
    write.out(packageVersion().version);
    throw new CommanderError(0, "commander.version", "");
  });
  prepare(program, write);
  for (const entry of catalog) {
    const above = chosen !== null && entry.commands?.includes(chosen) === true;
    if (alone && entry !== chosen && !above) continue;
    const command = program.command(entry.name).summary(entry.summary).description(sentence(entry.summary));
    if (entry.group) command.helpGroup(entry.group);
    prepare(command, write);
    if (!("load" in entry)) command.usage("<command> [options]");
    else if (entry === chosen) (await entry.load()).define(command, act);
    for (const child of entry.commands ?? []) {
      if (alone && above && child !== chosen) continue;
      const inner = command.helpCommand(false).command(child.name).summary(child.summary).description(sentence(child.summary));
      prepare(inner, write);
      if (child === chosen) (await child.load()).define(inner, act);
      addGlobalOptions(inner);
    }
    addGlobalOptions(command);
  }
  addGlobalOptions(program);
  return program;
}

export interface Writers {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly columns: number;
}

function sentence(summary: string): string {
  return `${summary[0]?.toUpperCase() ?? ""}${summary.slice(1)}.`;
}

function prepare(command: Command, write: Writers): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: write.out,
      writeErr: write.err,
      outputError: () => {}, // told by whoever catches the error
      getOutHelpWidth: () => write.columns,
      getErrHelpWidth: () => write.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ subcommandTerm: (each) => each.name() })
    .addHelpOption(global("-h, --help", "show this"));
}

const global = (flags: string, description: string): Option => new Option(flags, description).helpGroup("Every command:");

const globals: readonly Option[] = [
  global("--json", "results, and errors, as JSON"),
  global("--no-color", "no colours (so does NO_COLOR)"),
  global("--config <file>", "instead of the home's config.yaml"),
  global("--home <dir>", "instead of RUNLOOP_HOME or ~/.runloop"),
  global("-q, --quiet", "say only what was asked for"),
  global("-v, --verbose", "say more"),
  global("--debug", "show where an error comes from"),
];

/** Last, so that help shows a command's own options first. */
function addGlobalOptions(command: Command): void {
  for (const option of globals) command.addOption(option);
}

/** Options of every command, wherever they stand: the last word that was given wins, from the program down to the command. */
export function globalFlags(command: Command): GlobalFlags {
  const given: Record<string, unknown> = {};
  for (let at: Command | null = command; at; at = at.parent)
    for (const [name, value] of Object.entries(at.opts()))
      if (at.getOptionValueSource(name) !== "default" && !(name in given)) given[name] = value;
  return {
    json: given["json"] === true,
    color: given["color"] !== false,
    quiet: given["quiet"] === true,
    verbose: given["verbose"] === true,
    debug: given["debug"] === true,
    ...(typeof given["home"] === "string" && { home: given["home"] }),
    ...(typeof given["config"] === "string" && { config: given["config"] }),
  };
}

/** What commander threw, as one of ours; null where it is no error (help, version). */
export function usageError(error: CommanderError, words: readonly string[]): UsageError | null {
  if (error.exitCode === 0) return null;
  const command = ["rlp", ...words].join(" ");
  if (error.code === "commander.help") return usage(`\`${command}\` needs a command`, `\`${command} --help\` lists them`);
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /\(Did you mean (?:one of )?(.+?)\?\)/.exec(rest.join(" "))?.[1];
  const message = first.replaceAll("'", "`").replace(/\.$/, "");
  return new UsageError("USAGE", message, {
    place: { at: `in \`${command}\`` },
    hint: suggestion === undefined ? `\`${command} --help\` says how it is used` : `did you mean \`${suggestion}\`?`,
  });
}

/** Text below the options: what to type. The first line of each pair is the command, the second what it does. */
export function examples(...pairs: readonly (readonly [command: string, does: string])[]): string {
  const width = Math.max(...pairs.map(([command]) => command.length));
  const lines = pairs.map(([command, does]) =>
    width > 56 ? `  ${command}\n      ${does}` : `  ${command.padEnd(width)}   ${does}`,
  );
  return `\n${pairs.length === 1 ? "Example" : "Examples"}:\n${lines.join("\n")}`;
}
