/** `agtop`: what a run does, live on a terminal, or summed up where there is none. */
import { createReadStream, openSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { ReadStream as Terminal } from "node:tty";
import { Exit, formatPlace, RlpError, UsageError, type ExitCode } from "#core/errors.js";
import { parseTraceId } from "#core/ids.js";
import { visibleLine } from "#core/visible.js";
import { appearance } from "../rlp/world.js";
import type { Theme } from "./app.js";
import { displayModule } from "./bundle.js";
import type * as Display from "./display.js";
import { LineReader } from "./line.js";
import { emptyModel } from "./model.js";
import { Store, type Clock } from "./store.js";
import { summary } from "./summary.js";

const HELP = `Usage: agtop [--input FILE] [--trace-id ID] [--theme mono|colour]

Shows a run's plan and log while it goes on. Reads the lines of \`rlp run --json\` or a trace file: FILE, else standard input.
Where standard output is no terminal it prints a summary.

  --input FILE     read FILE (\`-\` is standard input)
  --trace-id ID    show this run only
  --theme THEME    mono (the default) or colour
  -h, --help       show this

Example: rlp run examples/openings/compose_email.yaml --local --yes --json | agtop
`;

interface Options {
  readonly input: string;
  readonly trace: string | null;
  readonly theme: Theme;
}

/** Runs agtop with the arguments behind its name; gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = readOptions(argv);
    if (options === null) {
      process.stdout.write(HELP);
      return Exit.ok;
    }
    return await show(options);
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    const place = formatPlace(error.place);
    process.stderr.write(
      `error[${String(error.code)}]: ${visibleLine(error.message)}${place === "" ? "" : `, ${visibleLine(place)}`}\n`,
    );
    if (error.hint !== undefined) process.stderr.write(`hint: ${visibleLine(error.hint)}\n`);
    return error.exit;
  }
}

function readOptions(argv: readonly string[]): Options | null {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        input: { type: "string" },
        "trace-id": { type: "string" },
        theme: { type: "string" },
        help: { type: "boolean", short: "h" },
        debug: { type: "boolean" },
      },
    }));
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
    throw new UsageError("USAGE", message, { cause, hint: "`agtop --help` lists the options" });
  }
  if (values.help) return null;
  const { theme = "mono" } = values;
  if (theme !== "mono" && theme !== "colour")
    throw new UsageError("USAGE", `there is no theme \`${theme}\``, { hint: "themes are mono and colour" });
  const trace = values["trace-id"] === undefined ? null : parseTraceId(values["trace-id"]);
  return { input: values.input ?? "-", trace, theme };
}

async function show(options: Options): Promise<ExitCode> {
  const { stdout } = process;
  const input = openInput(options.input);
  const store = new Store(emptyModel(options.trace), realClock);
  const { color, unicode } = appearance({ env: process.env }, true);
  if (!stdout.isTTY) {
    await follow(input, store);
    await printed(summary(store.live, unicode));
    return Exit.ok;
  }
  const keyboard = openKeyboard(options.input);
  // React's development build is several times slower; it looks at this when it is loaded.
  process.env["NODE_ENV"] ??= "production";
  const { display } = (await import(displayModule())) as typeof Display;
  const reading = follow(input, store);
  try {
    await Promise.race([display({ store, theme: color ? options.theme : "mono", unicode, keyboard }), reading.then(forever)]);
  } finally {
    input.destroy();
    if (keyboard !== process.stdin) keyboard?.destroy();
  }
  // Without keys nobody could look at the last state, and the screen is gone.
  if (keyboard === null) await printed(summary(store.live, unicode));
  return Exit.ok;
}

type Input = NodeJS.ReadStream | ReturnType<typeof createReadStream>;

function openInput(path: string): Input {
  if (path === "-") {
    if (process.stdin.isTTY)
      throw new UsageError("USAGE", "there is nothing to show: standard input is the keyboard", {
        hint: "`rlp run … --json | agtop`, or `agtop --input FILE`",
      });
    return process.stdin;
  }
  let kind;
  try {
    kind = statSync(path);
  } catch (cause) {
    throw new UsageError("USAGE_NOT_FOUND", "there is no such file", { place: { file: path }, cause });
  }
  if (kind.isDirectory()) throw new UsageError("USAGE", "this is a directory", { place: { file: path } });
  return createReadStream(path);
}

/** Standard input where it is a terminal, else the terminal behind it: `… | agtop` has keys too. Null where there is none. */
function openKeyboard(input: string): Terminal | null {
  if (input !== "-" && process.stdin.isTTY) return process.stdin;
  try {
    return new Terminal(openSync("/dev/tty", "r"));
  } catch {
    return null;
  }
}

/** Reads to the end. Input that breaks off is the end, too. */
async function follow(input: Input, store: Store): Promise<void> {
  const reader = new LineReader();
  try {
    for await (const bytes of input) store.push(reader.push(bytes as Uint8Array));
  } catch (error) {
    // That is us, quitting.
    if ((error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE") return;
    store.push([{ type: "invalid", text: `the input broke off: ${String(error)}` }]);
  }
  store.push(reader.end());
  store.end();
}

const forever = (): Promise<never> => new Promise(() => {});

/** Resolves when the text is out, or when nobody reads any more. */
function printed(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.once("error", () => resolve());
    process.stdout.write(text, () => resolve());
  });
}

const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => void setTimeout(run, ms),
};
