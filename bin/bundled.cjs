// Where a tool's program is: in one bundle, which loads faster than its three hundred files, or in these. Parsed by any Node, as node.cjs.
"use strict";
const { statSync } = require("fs");
const { join } = require("path");
const { root } = require("./node.cjs");

/** Tools that bundle.mjs bundles, and the compiled folders that go into each. */
const bundles = { rlp: ["core", "kb", "openings", "sdk/build", "host", "tools/rlp"] };
const bundleFolder = join(root, "dist", "bundled");
/** What was compiled of the bundles, by the Node that did. */
const compiledFolder = join(root, "dist", ".pieces");

/** The file to run: a module, or the first file of a bundle (`.cjs`, see pieces.cjs). A bundle older than any compiler's record was made from other files: then the files themselves. */
function programOf(tool) {
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

module.exports = { bundles, bundleFolder, compiledFolder, programOf };
