// Part of the build: `dist/bundled`, in which a tool and the libraries that every start needs are a few files. Loading hundreds of
// modules costs more than running them. Whatever runs as a thread or a process of its own still comes from the single files.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { bundleFolder, bundles } from "./bundled.mjs";
import { root } from "./node.mjs";

const dist = join(root, "dist");

/** Plain JavaScript without files of its own. Others (native, large, loaded only at need) stay where they are. */
const LIBRARIES = new Set([
  "@cfworker/json-schema",
  "canonicalize",
  "commander",
  "hash-wasm",
  "picocolors",
  "smol-toml",
  "uuidv7",
  "yaml",
  "zod",
]);

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

/** A module that looks for files beside itself must find them where it stood. */
const places = {
  name: "modules keep their places",
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(dist)) return undefined;
      const folder = relative(bundleFolder, dirname(path)).replaceAll("\\", "/");
      const place = (end) => `(import.meta.dirname + ${JSON.stringify(`/${folder}${end}`)})`;
      const contents = readFileSync(path, "utf8")
        .replaceAll("import.meta.dirname", place(""))
        .replaceAll("import.meta.filename", place(`/${basename(path)}`));
      return { contents };
    });
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(Object.keys(bundles).map((tool) => [tool, join("dist", "tools", tool, "main.js")])),
  outdir: bundleFolder,
  bundle: true,
  // Commands are loaded when they are called, as before.
  splitting: true,
  chunkNames: "[name]-[hash]",
  platform: "node",
  format: "esm",
  target: "node24",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  banner: { js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);' },
  plugins: [others, places],
});

const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync(bundleFolder)) if (!made.has(name)) rmSync(join(bundleFolder, name), { recursive: true });
