/** `rlp agent scaffold`: a new agent that builds, passes its tests and runs. */
import { join, resolve } from "node:path";
import { Option, type Command } from "commander";
import { Exit, UsageError, type ExitCode } from "#core/errors.js";
import type { TypeRegistry } from "#openings/agent.js";
import { quoted, shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { bundleFiles, openingFile } from "../../scaffold/files.js";
import {
  readCaps,
  readDescription,
  LANGUAGES,
  readName,
  readPort,
  fitting,
  withoutRepeats,
  type AgentLanguage,
  type AgentSpec,
  type CapSpec,
  type PortSpec,
} from "../../scaffold/spec.js";
import { openWizard, type Wizard } from "../../scaffold/wizard.js";
import { mustBeFree, writeFolder, writeNew } from "../../scaffold/write.js";

interface Flags {
  readonly lang: AgentLanguage;
  readonly opening?: boolean;
  readonly nonInteractive?: boolean;
  readonly description?: string;
  readonly in?: readonly string[];
  readonly out?: readonly string[];
  readonly caps?: readonly string[];
  readonly dir?: string;
}

const several = (word: string, before: readonly string[] = []): readonly string[] => [...before, word];

export function define(command: Command, act: Act): void {
  command
    .argument("<name>", "lower-case letters, digits and _")
    .addOption(new Option("--lang <language>", "AssemblyScript, JavaScript, TypeScript or Rust").choices(LANGUAGES).default("as"))
    .option("--description <text>", "one line about what it does")
    .option("--in <port:type>", "an input, name?:type where it may stay empty; repeatable", several)
    .option("--out <port:type>", "an output; repeatable", several)
    .option("--caps <names>", "what it may do: kb_read,model,actions=email.send", several)
    .option("--opening", "also openings/<name>.yaml, which runs it")
    .option("--dir <folder>", "makes agents/<name> there; else in this folder")
    .option("--non-interactive", "asks nothing, on a terminal too")
    .addHelpText(
      "after",
      examples(
        ["rlp agent scaffold note_taker --opening", "asks for the rest on a terminal"],
        ["rlp agent scaffold judge --in draft:text.v1 --out ok:bool.v1 --caps model --non-interactive", "everything by flags"],
      ),
    )
    .action(act(scaffold));
}

async function scaffold(context: Context, args: readonly string[], flags: Flags): Promise<ExitCode> {
  const { out, world } = context;
  const name = readName(args[0] ?? "");
  const root = resolve(world.cwd, flags.dir ?? ".");
  const folder = join(root, "agents", name);
  const opening = join(root, "openings", `${name}.yaml`);
  mustBeFree(folder);
  await mustBeUnknown(context, name);
  const { sharedTypes } = await import("#host/catalog/types.js");
  const types = sharedTypes();
  const settled = await settle(context, name, flags, types);
  if (settled === null) return Exit.interrupted;
  const { spec, withOpening } = settled;
  if (withOpening) mustBeFree(opening);
  // Made whole before anything is written: a type without an example refuses here.
  const [files, openingText] = [bundleFiles(spec, types), withOpening ? openingFile(spec, types) : null];
  writeFolder(folder, files);
  if (openingText !== null) writeNew(opening, openingText);
  const made = [...files.keys()].map((path) => join(folder, path));
  const next = [
    `agent build ${quoted(shortPath(folder, world.cwd))}`,
    `agent test ${quoted(shortPath(folder, world.cwd))}`,
    ...(withOpening ? [`run ${quoted(shortPath(opening, world.cwd))} --local`] : []),
  ].map((words) => context.invocation(words));
  if (!out.readable) out.data({ name, dir: folder, opening: withOpening ? opening : null, files: made, next });
  else {
    const written = [...made, ...(withOpening ? [opening] : [])].map((file) => `  ${shortPath(file, world.cwd)}`);
    out.print([`made ${name}`, ...written, "", "next:", ...next.map((line) => `  ${line}`)].join("\n"));
  }
  return Exit.ok;
}

/** Agents of other folders come before those beside an opening: a second one of the same name would never be used. */
async function mustBeUnknown(context: Context, name: string): Promise<void> {
  const known = (await (await context.host()).agents()).find((agent) => agent.name === name);
  if (known)
    throw new UsageError("USAGE", `there is an agent \`${name}\` already, which openings would use`, {
      place: { file: known.dir },
      hint: "choose another name",
    });
}

type Settled = { readonly spec: AgentSpec; readonly withOpening: boolean };

async function settle(context: Context, name: string, flags: Flags, types: TypeRegistry): Promise<Settled | null> {
  const { world, out } = context;
  const somebody = !flags.nonInteractive && !out.json && world.stdin.isTTY === true && out.stderr.isTTY === true;
  const wizard = somebody ? openWizard(world.stdin, world.prompt) : null;
  try {
    return await answers(wizard, name, flags, types);
  } finally {
    wizard?.close();
  }
}

/** Flags first; for the rest the person's word, or a sensible beginning where nobody is there. Null: the person left. */
export async function answers(wizard: Wizard | null, name: string, flags: Flags, types: TypeRegistry): Promise<Settled | null> {
  const { lang } = flags;
  const settled = async <T>(given: T | undefined, ask: string, otherwise: string, read: (text: string) => T): Promise<T | null> =>
    given ?? (wizard ? wizard.ask({ ask, otherwise, read }) : read(otherwise));
  const ports = (what: string, words: readonly string[]): readonly PortSpec[] =>
    withoutRepeats(
      what,
      words.map((word) => readPort(word, types)),
    );
  const split = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");
  const caps = (words: readonly string[]): readonly CapSpec[] =>
    fitting(lang, withoutRepeats("capability", words.flatMap(readCaps)));

  const given = flags.description === undefined ? undefined : readDescription(flags.description);
  const [givenIn, givenOut] = [flags.in && ports("input", flags.in), flags.out && ports("output", flags.out)];
  const givenCaps = flags.caps && caps(flags.caps);

  const description = await settled(given, "What does it do?", `The agent ${name}.`, readDescription);
  if (description === null) return null;
  const inputs = await settled(givenIn, "Inputs, name:type?", "text:text.v1", (text) => ports("input", split(text)));
  if (inputs === null) return null;
  const outputs = await settled(givenOut, "Outputs, name:type?", "out:text.v1", (text) => ports("output", split(text)));
  if (outputs === null) return null;
  const held = await settled(
    givenCaps,
    "What may it do (kb_read, kb_write, model, actions=email.send, net=HOST, time, random)?",
    "none",
    (text) => (text.trim() === "none" ? [] : caps([text])),
  );
  if (held === null) return null;
  const withOpening = await settled(flags.opening, "An opening that runs it, y or n?", wizard ? "y" : "n", (text) =>
    /^\s*y/i.test(text),
  );
  if (withOpening === null) return null;
  return { spec: { name, lang, description, inputs, outputs, caps: held }, withOpening };
}
