// Where a tool's program is: in one bundle, which loads faster than its three hundred files, or in these. Parsed by any Node, as node.mjs.
import { createRequire } from "node:module";
import { root } from "./node.mjs";

const require = createRequire(import.meta.url);
const { statSync } = require("fs");
const { join } = require("path");

/** Tools that bundle.mjs bundles, and the compiled folders that go into each. */
export const bundles = { rlp: ["core", "kb", "openings", "sdk/build", "host", "tools/rlp"] };
export const bundleFolder = join(root, "dist", "bundled");
/** What was compiled of the bundles, by the Node that did. */
export const compiledFolder = join(root, "dist", ".pieces");

/** The file to run: a module, or the first piece of a bundle (`.cjs`, see pieces.mjs). A bundle older than any compiler's record was made from other files: then the files themselves. */
export function programOf(tool) {
  const single = join(root, "dist", "tools", tool, "main.js");
  const folders = bundles[tool];
  const bundle = join(bundleFolder, tool + ".cjs");
  const made = modified(bundle);
  if (!folders || made === 0) return single;
  const newer = folders.some(function (folder) {
    return modified(join(root, "dist", folder, ".tsbuildinfo")) > made;
  });
  return newer ? single : bundle;
}

function modified(file) {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}
