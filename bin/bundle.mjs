// Part of the build: `dist/bundled`, in which a tool and the libraries that every start needs are a few files. Loading hundreds of
// modules costs more than running them. Whatever runs as a thread or a process of its own still comes from the single files.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, transform } from "esbuild";
import { bundleFolder, bundles, compiledFolder } from "./bundled.cjs";
import { root } from "./node.cjs";

const dist = join(root, "dist");

/** JavaScript that is loaded often. Others (large, loaded only at need) stay where they are, and so do files that are no JavaScript. */
const LIBRARIES = new Set([
  "@cfworker/json-schema",
  "better-sqlite3",
  "canonicalize",
  "commander",
  "smol-toml",
  "uuidv7",
  "yaml",
  "zod",
]);

const TARGET = "node24";
/** Characters that a piece may take beyond its first place before it gets a file of its own. */
const SPREAD = 400_000;

const others = {
  name: "other packages stay outside",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./#]/ }, ({ path, importer, kind }) => {
      if (kind === "entry-point" || !resolve(importer).startsWith(dist)) return undefined;
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(path)[0];
      return LIBRARIES.has(name) ? undefined : { path, external: true };
    });
  },
};

/** As the compiler writes them, and as libraries do: one a line. */
const BUILTIN = /^import (?:\{ (.*) \}|([\w$]+)) from ["'](node:[a-z_/]+)["'];$/gm;

/** Those of Node's modules that are there as soon as Node is: taking them costs nothing. */
const THERE = new Set(["assert", "buffer", "events", "fs", "path", "perf_hooks", "process", "timers", "url", "util"]);

/**
 * Node's other modules are loaded when something of them is used, not when a module that may use it is: a search needs no cipher, which
 * takes a tenth of its time to load. What bundled code sees is an object with the same members.
 */
const AT_NEED = "at-need:";
const lazy = {
  name: "Node's modules at need",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^at-need:/ }, ({ path, importer }) => {
      const [id, names] = path.slice(AT_NEED.length).split("?");
      // One for each module that imports it: one for all would be a file more to load.
      return {
        path: `${id} of ${relative(root, importer).replaceAll("\\", "/")}`,
        namespace: AT_NEED,
        pluginData: { id, names: names.split(",") },
      };
    });
    onLoad({ filter: /.*/, namespace: AT_NEED }, ({ pluginData: { id, names } }) => {
      // Whoever takes this one is about to load packages that are in no bundle.
      const first = id === "node:module" ? "__here.outside(); " : "";
      const members = names.map(
        (name) => `get ${name}() { ${first}return globalThis.process.getBuiltinModule("${id}").${name}; }`,
      );
      return { contents: `module.exports = { ${members.join(", ")} };` };
    });
  },
};

/**
 * A module that looks for files beside itself must find them where it stood. And Node's own modules are taken as the objects that they
 * are: an `import` of one first reads each of its members, which loads all that some of them get lazily (a fifth of a command's start).
 */
const ownPlaces = {
  name: "modules keep their places",
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8").replaceAll(BUILTIN, (_, names, whole, id) => {
        const module = process.getBuiltinModule(id);
        // Some are functions with members, which no such object can stand for.
        if ((names || typeof module === "object") && !THERE.has(id.slice("node:".length))) {
          const members = names?.split(", ").map((name) => name.split(" as ")[0]) ?? Object.keys(module);
          return `import ${whole ? `* as ${whole}` : `{ ${names} }`} from "${AT_NEED}${id}?${members}";`;
        }
        return `const ${whole ?? `{ ${names.replaceAll(" as ", ": ")} }`} = globalThis.process.getBuiltinModule("${id}");`;
      });
      const folder = relative(bundleFolder, dirname(path)).replaceAll("\\", "/");
      if (!path.startsWith(dist))
        return { contents: text.replaceAll(/\b__dirname\b/g, `(__here.dirname + ${JSON.stringify(`/${folder}`)})`) };
      const place = (end) => `(import.meta.dirname + ${JSON.stringify(`/${folder}${end}`)})`;
      const contents = text
        .replaceAll("import.meta.dirname", place(""))
        .replaceAll("import.meta.filename", place(`/${basename(path)}`));
      return { contents };
    });
  },
};

const { metafile, outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(Object.keys(bundles).map((tool) => [tool, join("dist", "tools", tool, "main.js")])),
  outdir: bundleFolder,
  bundle: true,
  // Commands are loaded when they are called, as before.
  splitting: true,
  chunkNames: "[name]-[hash]",
  platform: "node",
  format: "esm",
  // ECMAScript modules where a library has them: of those, what nobody uses stays out.
  mainFields: ["module", "main"],
  target: TARGET,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  write: false,
  plugins: [lazy, others, ownPlaces],
});

for (const [file, { imports }] of Object.entries(metafile.outputs))
  for (const { path, kind } of imports)
    if (kind === "require-call" && !isBuiltin(path)) throw new Error(`${file} requires ${path}, which is not bundled`);

const outputs = new Map(Object.entries(metafile.outputs).map(([file, output]) => [basename(file), output]));
const functions = new Map();
for (const { path, text } of outputFiles) {
  const name = basename(path);
  functions.set(name, await asFunction(text, outputs.get(name).imports));
}

// A file for each module that begins something, a tool or what is loaded later, with what it needs and a tool has not loaded at its start:
// a file for each module would cost more to open than to read. But what is large and needed in many places has a file of its own.
const tools = Object.keys(bundles).map((tool) => needed(`${tool}.js`));
const there = (name) => tools.every((pieces) => pieces.has(name));
const later = [...outputs.values()].flatMap(({ imports }) =>
  imports.filter(({ path, kind }) => kind === "dynamic-import" && outputs.has(basename(path))).map(({ path }) => basename(path)),
);
const begun = new Map([
  ...tools.map((pieces) => [[...pieces][0], [...pieces]]),
  ...later.filter((entry) => !there(entry)).map((entry) => [entry, [...needed(entry)].filter((name) => !there(name))]),
]);
const places = (name) => [...begun.values()].filter((pieces) => pieces.includes(name)).length;
const alone = [...functions.keys()].filter(
  (name) => !begun.has(name) && functions.get(name).length * (places(name) - 1) > SPREAD,
);
const files = new Map([
  ...[...begun].map(([entry, pieces]) => [entry, pieces.filter((name) => !alone.includes(name))]),
  ...alone.map((name) => [name, [name]]),
]);
mkdirSync(bundleFolder, { recursive: true });
rmSync(compiledFolder, { recursive: true, force: true });
for (const [entry, pieces] of files) {
  const text = pieces.map((name) => `${JSON.stringify(pieceOf(name))}: ${functions.get(name)}`);
  writeFileSync(join(bundleFolder, pieceOf(entry)), `({\n${text.join(",\n")}\n})\n`);
}
const made = new Set([...files.keys()].map(pieceOf));
for (const name of readdirSync(bundleFolder)) if (!made.has(name)) rmSync(join(bundleFolder, name), { recursive: true });

/** The names of a module and of all that has to be there before it. */
function needed(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind, external } of outputs.get(name).imports)
    if (kind !== "dynamic-import" && !external && outputs.has(basename(path))) needed(basename(path), found);
  return found;
}

function pieceOf(name) {
  return name.replace(/\.js$/, ".cjs");
}

/**
 * A module as a function, for pieces.cjs to call: a script's code can be kept with all that ran of it, a module's cannot. Splitting wants
 * modules, so they are made first.
 */
async function asFunction(text, imports) {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    logLevel: "warning",
    // A quarter less to read; short enough lines for a place in one to say something.
    minifyWhitespace: true,
    lineLimit: 120,
    define: {
      "import.meta.dirname": "__here.dirname",
      "import.meta.filename": "__here.filename",
      "import.meta.url": "__here.url",
      "import.meta.main": "false",
    },
  });
  const linked = imports.reduce((linked, { path, kind, external }) => {
    const from = external ? path : `./${basename(path)}`;
    const to = external ? path : pieceOf(from);
    return kind === "dynamic-import"
      ? linked.replaceAll(`import("${from}")`, `__later("${to}")`)
      : linked.replaceAll(`require("${from}")`, `require("${to}")`);
  }, code);
  return `function (module, require, __later, __here) {\n"use strict";\n${linked}}`;
}
