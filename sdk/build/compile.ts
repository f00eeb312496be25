/** AssemblyScript → core module. */
import { join } from "node:path";
import { formatPlace, type Place } from "#core/errors.js";
import { BuildError } from "./errors.js";
import { projectRoot, readTree, type Files } from "./layout.js";

/**
 * The compiler's options for both worlds, part of every build's key.
 *
 * - `incremental`: an instance lives for one attempt and its memory is capped at 64 MiB. `stub` never frees and `minimal`
 *   frees only when told, so an agent that joins strings in a loop would run into the cap; the collector costs an agent that
 *   allocates little 2 KB and no work, since it steps only as allocation goes on, and never in `cabi_realloc`.
 * - `-O3` with shrink level 1: fuel counts instructions, so speed matters more than size, and names are not kept.
 */
export const compilerOptions = ["--runtime", "incremental", "-O3", "--shrinkLevel", "1"] as const;

export type World = "agent" | "command";

/** What the compiler starts from, and where a failed assertion goes. */
const worlds: Readonly<Record<World, { readonly entry: string; readonly abort: string }>> = {
  agent: { entry: "runloop-entry.ts", abort: "abort=~lib/runloop/abort/abort" },
  command: { entry: "runloop-command.ts", abort: "abort=~lib/runloop/command/abort" },
};
const LIBRARY = "sdk";

/** The guest SDK's own files. */
export function sdkFiles(): Files {
  return readTree(join(projectRoot, "sdk", "assemblyscript"), ".ts");
}

// The optimiser's settings are global to a process, so one compilation at a time.
let turn: Promise<unknown> = Promise.resolve();

/**
 * Compiles an agent. `sources` are the author's files by name, `agent.ts` among them; the compiler sees only these names, so the
 * bytes do not depend on where the files stand. Throws `BUILD_COMPILE` with the compiler's own words, file and line.
 */
export function compileModule(sources: Files, world: World): Promise<Uint8Array> {
  const result = turn.then(() => compile(sources, worlds[world]));
  turn = result.catch(() => undefined);
  return result;
}

async function compile(sources: Files, { entry, abort }: (typeof worlds)[World]): Promise<Uint8Array> {
  if (!sources.has("agent.ts"))
    throw new BuildError("BUILD_BUNDLE", "the source has no `agent.ts`", {
      hint: "an agent is a file `agent.ts` that exports `function agent(call: Invocation): Outcome`",
    });
  // Loaded here, not above: the compiler takes half a second to load, and most calls find their component built.
  const { default: asc } = await import("assemblyscript/asc");
  const sdk = sdkFiles();
  const problems: Problem[] = [];
  let module: Uint8Array | undefined;
  const { error } = await asc.main([entry, "--outFile", "agent.wasm", "--lib", LIBRARY, ...compilerOptions, "--use", abort], {
    readFile: (name, folder) => lookUp(name, folder, sources, sdk),
    // No file of the SDK is a global of the author's.
    listFiles: () => [],
    writeFile: (name, contents) => {
      if (name === "agent.wasm" && typeof contents !== "string") module = contents;
    },
    reportDiagnostic: (message) => {
      const problem = problemOf(message as unknown as Diagnostic, (file) => lookUp(file, "", sources, sdk));
      if (problem) problems.push(problem);
    },
  });
  if (problems.length > 0) throw refusal(problems);
  if (error || !module)
    throw new BuildError("BUILD_COMPILE", error?.message ?? "the compiler gave no module", { cause: error ?? undefined });
  return module;
}

/** A file by the name that the compiler asks for, or gives in a message (there the library's files begin with `~lib/`). */
function lookUp(name: string, folder: string, sources: Files, sdk: Files): string | null {
  const plain = name.replaceAll("\\", "/").replace(/^\.\//, "");
  if (plain.startsWith("~lib/")) return lookUp(plain.slice("~lib/".length), LIBRARY, sources, sdk);
  if (folder === LIBRARY) return plain.startsWith("runloop/") ? (sdk.get(plain.slice("runloop/".length)) ?? null) : null;
  const ours = Object.values(worlds).some(({ entry }) => plain === entry);
  return (ours ? sdk : sources).get(plain) ?? null;
}

/** The part of the compiler's message that is read here; its declarations do not name it. `start` counts UTF-16 units. */
interface Diagnostic {
  readonly code: number;
  readonly category: number;
  readonly message: string;
  readonly range: { readonly start: number; readonly source: { readonly normalizedPath: string } } | null;
}
interface Problem {
  readonly text: string;
  readonly place: Place;
}
const ERROR = 3;

function problemOf(message: Diagnostic, textOf: (file: string) => string | null): Problem | undefined {
  if (message.category !== ERROR) return undefined;
  const text = `AS${message.code}: ${message.message}`;
  if (!message.range) return { text, place: {} };
  const file = message.range.source.normalizedPath;
  return { text, place: positionIn(textOf(file) ?? "", file, message.range.start) };
}

/** Line and column, from 1, of a place in a text. */
export function positionIn(text: string, file: string, at: number): Place {
  const before = text.slice(0, at).split("\n");
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** All problems in one error; its place is the first one's. */
function refusal(problems: readonly Problem[]): BuildError {
  const lines = problems.map(({ text, place }) => [formatPlace(place), text].filter((part) => part !== "").join(": "));
  return new BuildError("BUILD_COMPILE", lines.join("\n"), {
    place: problems[0]?.place ?? {},
    issues: problems.map(({ text, place }) => ({ message: text, place })),
  });
}
