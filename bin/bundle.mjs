// Part of the build: `dist/bundled`, in which a tool and the libraries that every start needs are a few files. Loading hundreds of
// modules costs more than running them. Whatever runs as a thread or a process of its own still comes from the single files.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, transform } from "esbuild";
import { bundleFolder, bundles, compiledFolder } from "./bundled.mjs";
import { root } from "./node.mjs";

const dist = join(root, "dist");

/** Plain JavaScript without files of its own. Others (native, large, loaded only at need) stay where they are. */
const LIBRARIES = new Set([
  "@cfworker/json-schema",
  "canonicalize",
  "commander",
  "picocolors",
  "smol-toml",
  "uuidv7",
  "yaml",
  "zod",
]);

const TARGET = "node24";

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
const THERE = new Set(["assert", "buffer", "events", "fs", "module", "path", "perf_hooks", "process", "timers", "url", "util"]);

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
      const members = names.map((name) => `get ${name}() { return globalThis.process.getBuiltinModule("${id}").${name}; }`);
      return { contents: `module.exports = { ${members.join(", ")} };` };
    });
  },
};

/**
 * A module that looks for files beside itself must find them where it stood. And Node's own modules are taken as the objects that they
 * are: an `import` of one first reads each of its members, which loads all that some of them get lazily (a fifth of a command's start).
 */
const places = {
  name: "modules keep their places",
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8").replaceAll(BUILTIN, (_, names, whole, id) => {
        const module = process.getBuiltinModule(id);
        if (typeof module === "object" && !THERE.has(id.slice("node:".length))) {
          const members = names?.split(", ").map((name) => name.split(" as ")[0]) ?? Object.keys(module);
          return `import ${whole ? `* as ${whole}` : `{ ${names} }`} from "${AT_NEED}${id}?${members}";`;
        }
        return `const ${whole ?? `{ ${names.replaceAll(" as ", ": ")} }`} = globalThis.process.getBuiltinModule("${id}");`;
      });
      if (!path.startsWith(dist)) return { contents: text };
      const folder = relative(bundleFolder, dirname(path)).replaceAll("\\", "/");
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
  plugins: [lazy, others, places],
});

for (const [file, { imports }] of Object.entries(metafile.outputs))
  for (const { path, kind } of imports)
    if (kind === "require-call" && !isBuiltin(path)) throw new Error(`${file} requires ${path}, which is not bundled`);

mkdirSync(bundleFolder, { recursive: true });
rmSync(compiledFolder, { recursive: true, force: true });
const made = new Set();
for (const { path, text } of outputFiles) {
  const name = pieceOf(basename(path));
  const { imports } = metafile.outputs[relative(root, path).replaceAll("\\", "/")];
  writeFileSync(join(bundleFolder, name), await asPiece(text, imports));
  made.add(name);
}
for (const name of readdirSync(bundleFolder)) if (!made.has(name)) rmSync(join(bundleFolder, name), { recursive: true });

function pieceOf(name) {
  return name.replace(/\.js$/, ".cjs");
}

/**
 * A module as a function, for pieces.mjs to call: a script's code can be kept with all that ran of it, a module's cannot. Splitting wants
 * modules, so they are made first.
 */
async function asPiece(text, imports) {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    logLevel: "warning",
    define: {
      "import.meta.dirname": "__here.dirname",
      "import.meta.filename": "__here.filename",
      "import.meta.url": "__here.url",
      "import.meta.resolve": "__here.resolve",
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
  return `(function (module, require, __later, __here) {\n"use strict";\n${linked}})`;
}
