// What `rlp`, `agtop` and `runloopd` have in common: the right Node, the compile cache, one clear line when something is missing.
"use strict";
const { existsSync } = require("fs");
const { join } = require("path");
const { pathToFileURL } = require("url");
const { compiledFolder, programOf } = require("./bundled.cjs");
const { findNode, foreground, root, tooOld } = require("./node.cjs");
const { runPieces } = require("./pieces.cjs");

/** Runs `dist/tools/<tool>/main.js`, whose `main(argv)` gives the exit code. `script` is the launcher's own path, `name` what a person typed. */
function launch(name, tool, script, args, mainArgs) {
  const node = findNode();
  if (node === undefined) return fail(tooOld(name));
  const file = join(root, "dist", "tools", tool, "main.js");
  if (!existsSync(file)) return fail(name + " is not built yet: run `npm start` in " + root + "\n");
  if (node !== process.execPath) return foreground(node, [script].concat(args));

  // What waits for something that can no longer come ends the process in silence, and Node calls that success.
  let ended = false;
  process.on("exit", function (code) {
    if (ended || code !== 0) return;
    process.stderr.write("error[INTERNAL]: it ended before it was done\nhint: this is a fault of " + name + " itself\n");
    process.exitCode = 1;
  });

  let keep;
  return loaded(programOf(tool))
    .then(function (tools) {
      keep = tools.keep;
      return tools.exports.main(mainArgs);
    })
    .then(function (code) {
      ended = true;
      process.exitCode = code;
      if (keep) keep();
      // With nothing left to wait for, taking everything apart piece by piece is time for nothing.
      if (process.getActiveResourcesInfo && process.getActiveResourcesInfo().length === 0) process.exit();
    })
    .catch(function (error) {
      const debug = args.indexOf("--debug") !== -1 && error && error.stack;
      if (error && /^(ERR_)?MODULE_NOT_FOUND$/.test(error.code) && !debug)
        return fail(name + " is not whole (" + firstLine(error.message) + "): run `npm start` in " + root + "\n");
      process.stderr.write(
        "error[INTERNAL]: " + (debug || firstLine(error && error.message ? error.message : String(error))) + "\n",
      );
      process.stderr.write("hint: this is a fault of " + name + " itself; `--debug` shows where\n");
      process.exitCode = 1;
      return undefined;
    });
}

/** What the program exports, and for a bundle, what keeps its compiled code. */
function loaded(program) {
  if (program.endsWith(".cjs"))
    return Promise.resolve().then(function () {
      return runPieces(program, join(compiledFolder, process.version + "-" + process.arch), cacheCompiled);
    });
  cacheCompiled();
  return import(pathToFileURL(program).href).then(function (exports) {
    return { exports };
  });
}

/** For what is in no bundle. Node's module for it loads a few more: only where it is needed. */
function cacheCompiled() {
  const module = require("module");
  // Inside the project: the system's temporary folder, Node's default, is shared with other users.
  if (module.enableCompileCache) module.enableCompileCache(join(root, "dist", ".compiled"));
}

function firstLine(text) {
  return String(text).split("\n")[0];
}

function fail(line) {
  process.stderr.write(line);
  process.exitCode = 2;
}

module.exports = { launch };
