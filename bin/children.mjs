// Part of the build: `dist/children`, in which the program of each process that rlp shuts in is one file. Such a process starts with every
// run, and to find and load eighty modules takes it as long as Node itself takes to start (docs/decisions/034).
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./node.cjs";

/** By the names that `childProgram` knows them by (host/sandbox/spawn.ts). */
const children = { sandbox: "dist/host/sandbox/main.js", toolchain: "dist/host/component/toolchain/main.js" };
const folder = join(root, "dist", "children");

rmSync(folder, { recursive: true, force: true });
const { warnings } = await build({
  absWorkingDir: root,
  entryPoints: children,
  outdir: folder,
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  // Not a module: of Node's own modules it takes what it uses, where a module has all that they export read first.
  format: "cjs",
  target: "node24",
  legalComments: "none",
  // Short enough lines for a place in one to say something.
  minifyWhitespace: true,
  lineLimit: 120,
  logLevel: "warning",
});
// A module that looks for files beside itself would not find them.
if (warnings.length > 0) process.exit(1);
