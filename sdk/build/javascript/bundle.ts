/** An agent's JavaScript or TypeScript, the SDK, and what the author installed, as one module. */
import { existsSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix, sep } from "node:path";
import type { BuildFailure, Location, Message, PartialMessage, Plugin } from "esbuild";
import { formatPlace, type Place } from "#core/errors.js";
import { BuildError } from "../errors.js";
import { projectRoot, readTree, type Files } from "../layout.js";
import { SCRIPTS } from "../language.js";
import type { Author } from "./author.js";

export interface Bundled {
  readonly code: string;
  /** Its source map, JSON. */
  readonly map: string;
  /** Interfaces of the contract that it imports, sorted. */
  readonly interfaces: readonly string[];
}

/** Files of the author, of the SDK, and the one that ties them together. */
const AUTHOR = "agent";
const SDK = "runloop";
const ENTRY = "entry";
const INTERFACE = /^runloop:agent\/([a-z]+)@0\.1\.0$/;

/** The guest SDK's own files. */
export const sdkFiles = (): Files =>
  new Map([...readTree(join(projectRoot, "sdk", "javascript"), ".ts")].filter(([name]) => !name.endsWith(".d.ts")));

/** `folder`: the bundle's, whose `node_modules` may be used; null where there is only text. Throws `BUILD_COMPILE`. */
export async function bundleScript(sources: Files, folder: string | null, author: Author): Promise<Bundled> {
  const start = SCRIPTS.find((name) => sources.has(name));
  if (start === undefined)
    throw new BuildError("BUILD_BUNDLE", "the source has no `agent.js` or `agent.ts`", {
      hint: "an agent is a file src/agent.js with `export default async function agent(call) { … }`",
    });
  // Loaded here, not above: it is needed only when something is really built.
  const { build } = await import("esbuild");
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [{ in: `${ENTRY}:`, out: "agent" }],
      outdir: folder ?? projectRoot,
      absWorkingDir: folder ?? projectRoot,
      bundle: true,
      write: false,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["import", "default"],
      target: "es2023",
      charset: "utf8",
      legalComments: "none",
      sourcemap: "external",
      sourcesContent: false,
      metafile: true,
      logLevel: "silent",
      tsconfigRaw: "{}",
      plugins: [reader(sources, folder, entryText(start, author))],
    });
    const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
    const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
    return {
      code: text(".js"),
      map: text(".js.map"),
      interfaces: [...new Set(left.map(({ path }) => INTERFACE.exec(path)?.[1] ?? ""))].filter((name) => name !== "").sort(),
    };
  } catch (error) {
    throw isBuildFailure(error) ? refusal(error.errors, sources) : error;
  }
}

/** What runs first: globals, those of the policy among them; then the author's file; then the attempt around it. */
function entryText(start: string, { types, grants }: Author): string {
  const globals = [
    "base",
    grants.time ? "time" : "no-time",
    grants.random ? "random" : "no-random",
    grants.net ? "net" : "no-net",
  ];
  return [
    ...globals.map((name) => `import "${SDK}/globals/${name}";`),
    `import * as author from "./${start}";`,
    `import { attemptOf } from "${SDK}/attempt";`,
    `export const { start, pump, turn, finish } = attemptOf(author, ${JSON.stringify(types)});`,
  ].join("\n");
}

const ENDINGS = ["", ".js", ".ts", ".mjs", ".mts", ".json", "/index.js", "/index.ts"];
const LOADERS: Readonly<Record<string, "js" | "ts" | "json">> = { js: "js", mjs: "js", ts: "ts", mts: "ts", json: "json" };

/** `./x`, `./x.js` where `x.ts` stands, `./folder`. */
function fileFor(name: string, files: Files): string | undefined {
  const written = ENDINGS.map((ending) => name + ending);
  const typed = /\.m?js$/.test(name) ? [name.replace(/js$/, "ts")] : [];
  return [...written, ...typed].find((candidate) => files.has(candidate));
}

/** Reads nothing but the author's `src/`, the bundle's `node_modules`, and the SDK. */
function reader(sources: Files, folder: string | null, entry: string): Plugin {
  const sdk = sdkFiles();
  return {
    name: "agent",
    setup(build) {
      build.onResolve({ filter: /.*/ }, async ({ path, importer, namespace, kind, pluginData }) => {
        if (pluginData === ASIDE) return undefined;
        if (kind === "entry-point") return { path: "agent", namespace: ENTRY };
        if (INTERFACE.test(path)) return { path, external: true };
        if (path === SDK || (path.startsWith(`${SDK}/`) && namespace !== AUTHOR && namespace !== "file"))
          return {
            path: path === SDK ? "index.ts" : `${path.slice(SDK.length + 1)}.ts`,
            namespace: SDK,
            sideEffects: path !== SDK,
          };
        if (namespace === SDK) return inSdk(path, importer, sdk);
        if (namespace === "file") return inPackages(path, importer);
        if (/^\.\.?(\/|$)/.test(path)) return inAuthor(path, importer);
        return inPackages(path, null);
      });

      const inAuthor = (path: string, importer: string) => {
        const name = posix.normalize(posix.join(posix.dirname(importer || "."), path));
        if (name === ".." || name.startsWith("../")) return refused(`\`${path}\` leaves the bundle's src folder`);
        const file = fileFor(name, sources);
        return file === undefined
          ? refused(`there is no \`${path}\` (a link is not followed)`)
          : { path: file, namespace: AUTHOR };
      };

      const inPackages = async (path: string, importer: string | null) => {
        if (path.startsWith("/") || /^[a-zA-Z]:[\\/]/.test(path)) return refused(`\`${path}\` is outside of the bundle`);
        if (/^(node|file|https?|data):/.test(path))
          return refused(`\`${path}\` cannot be imported: an agent has neither Node nor a network while it is built`);
        // A package may have such a name too (`events`, `buffer`): only one that is not there was meant to be Node's.
        const nodes = isBuiltin(path) ? refused(`\`${path}\` is a part of Node, which an agent does not have`) : undefined;
        const packages = folder === null ? null : join(folder, "node_modules");
        if (packages === null || !existsSync(packages))
          return (
            nodes ??
            refused(`there is no \`${path}\`: packages are taken from node_modules in the bundle's folder, and there is none`)
          );
        const found = await build.resolve(path, {
          kind: "import-statement",
          resolveDir: importer === null ? (folder as string) : join(importer, ".."),
          pluginData: ASIDE,
        });
        if (found.errors.length > 0 && nodes) return nodes;
        if (found.errors.length > 0) return { errors: found.errors.map(({ text }) => ({ text })) };
        const inside = realpathSync(packages) + sep;
        if (!found.path.startsWith(packages + sep) || !realpathSync(found.path).startsWith(inside))
          return refused(`\`${path}\` is ${found.path}, outside of the bundle's node_modules`);
        return { path: found.path, sideEffects: found.sideEffects };
      };

      build.onLoad({ filter: /.*/, namespace: ENTRY }, () => ({ contents: entry, loader: "js" }));
      build.onLoad({ filter: /.*/, namespace: SDK }, ({ path }) => ({ contents: sdk.get(path) ?? "", loader: "ts" }));
      build.onLoad({ filter: /.*/, namespace: AUTHOR }, ({ path }) => ({
        contents: sources.get(path) ?? "",
        loader: LOADERS[posix.extname(path).slice(1)] ?? "js",
      }));
    },
  };
}

/** Marks a question that is put to esbuild's own resolver. */
const ASIDE = Symbol("aside");
const refused = (text: string): { errors: PartialMessage[] } => ({ errors: [{ text }] });

function inSdk(path: string, importer: string, sdk: Files) {
  const name = posix.normalize(posix.join(posix.dirname(importer), path)).replace(/\.js$/, ".ts");
  if (!sdk.has(name)) throw new Error(`the SDK has no \`${name}\``);
  // Globals are there for what they do; the rest is taken only where it is used.
  return { path: name, namespace: SDK, sideEffects: name.startsWith("globals/") };
}

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);

function placeOf(location: Location | null, sources: Files): Place {
  if (!location) return {};
  const file = location.file.replace(new RegExp(`^${AUTHOR}:`), "");
  // Bytes, where a person counts characters.
  const before = Buffer.from(location.lineText, "utf8").subarray(0, location.column).toString("utf8");
  return { file: sources.has(file) ? file : location.file, line: location.line, column: before.length + 1 };
}

function refusal(errors: readonly Message[], sources: Files): BuildError {
  const issues = errors.map(({ text, location }) => ({ message: text, place: placeOf(location, sources) }));
  const lines = issues.map(({ message, place }) => [formatPlace(place), message].filter((part) => part !== "").join(": "));
  return new BuildError("BUILD_COMPILE", lines.join("\n"), { place: issues[0]?.place ?? {}, issues });
}
