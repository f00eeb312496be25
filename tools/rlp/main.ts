/** `rlp`: finds the command, builds its context, runs it, tells what went wrong. The exit code is the result. */
import { CommanderError } from "commander";
import { Exit } from "#core/errors.js";
import { findCommand } from "./catalog.js";
import { Context, type Act, type Action, type World } from "./context.js";
import { tellFailure } from "./failure.js";
import { Output, type Sink } from "./output.js";
import { buildProgram, globalFlags, usageError } from "./program.js";
import { AtOnce } from "./terminal/at-once.js";
import { appearance, realWorld } from "./world.js";

export interface Streams {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Runs one command line (without `node` and the script) and gives the exit code. Everything it opened is closed by then. */
export async function main(argv: readonly string[], world: World = realWorld(), into?: Streams): Promise<number> {
  const line = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  const { words, entry, certain } = findCommand(line);
  const streams = into ?? (entry?.brief ? brief() : process);
  // What an error needs before the command line is understood.
  const flagged = (name: string): boolean => argv.slice(0, endOfOptions(argv)).includes(name);
  const early = new Output(streams.stdout, streams.stderr, {
    ...appearance(world, !flagged("--no-color")),
    json: flagged("--json"),
    quiet: false,
  });
  const debug = flagged("--debug");

  let exit: number = Exit.ok;
  const act: Act =
    <Flags>(action: Action<Flags>) =>
    async (...given) => {
      const command = given.at(-1) as Context["command"];
      const flags = globalFlags(command);
      const out = new Output(streams.stdout, streams.stderr, {
        ...appearance(world, flags.color),
        json: flags.json,
        quiet: flags.quiet,
      });
      const context = new Context(world, out, flags, command);
      try {
        exit = await action(context, command.args, command.opts() as Flags);
      } catch (error) {
        exit = out.closed.aborted ? Exit.ok : await tellFailure(error, out, flags.debug);
      } finally {
        await context.close();
      }
      // A write that failed is reported after it was made.
      await new Promise((resolve) => setImmediate(resolve));
      if (out.lost) exit ||= Exit.failed;
    };

  try {
    const write = {
      out: (text: string) => early.print(text),
      err: (text: string) => early.complain(text),
      columns: early.columns,
    };
    const program = await buildProgram(entry, certain && entry !== null, act, write);
    await program.parseAsync([...line], { from: "user" });
  } catch (error) {
    const told = error instanceof CommanderError ? usageError(error, words) : error;
    return told === null ? Exit.ok : await tellFailure(told, early, debug);
  }
  return exit;
}

function brief(): Streams {
  return { stdout: new AtOnce(1, () => process.stdout), stderr: new AtOnce(2, () => process.stderr) };
}

function endOfOptions(argv: readonly string[]): number {
  const end = argv.indexOf("--");
  return end < 0 ? argv.length : end;
}

if (import.meta.main) void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
