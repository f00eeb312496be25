// Runs a bundle's pieces: plain scripts, each with what the engine made of it when it ran before. Node's own compile cache keeps a module as
// it is before it runs, when hardly any of its functions has been compiled: compiling those took a tenth of a short command's time.
// Parsed by any Node, as node.cjs.
"use strict";
const { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } = require("fs");
const { basename, dirname, join } = require("path");
const { pathToFileURL } = require("url");
const vm = require("vm");

/**
 * Gives what the piece `file` exports, after running it and the pieces that it needs. `keep()` is for the end: where something had to be
 * compiled that was not kept yet, it keeps all that is compiled by then, for the next process. `outside()` is called before the first package
 * that is none of the pieces.
 */
function runPieces(file, cache, outside) {
  const folder = dirname(file);
  /** What pieces export, and those that have not run: by name, and functions. */
  const known = new Map();
  const waiting = new Map();
  const scripts = [];
  let fresh = false;

  function piece(name) {
    const before = known.get(name);
    if (before) return before.exports;
    const path = join(folder, name);
    const run = waiting.get(name) || load(path, name);
    const module = { exports: {} };
    known.set(name, module);
    try {
      run(module, needed, later, placeOf(path, outside));
    } catch (error) {
      known.delete(name);
      throw error;
    }
    return module.exports;
  }

  /** A file has a piece and those that it needs; some of these may have come with another one. */
  function load(path, name) {
    const { source, mark } = read(path);
    const kept = join(cache, name + mark);
    const cachedData = readable(kept);
    const script = new vm.Script(source, { filename: path, cachedData });
    if (!cachedData || script.cachedDataRejected) fresh = true;
    scripts.push({ script, kept });
    const pieces = script.runInThisContext();
    for (const each in pieces) if (!waiting.has(each)) waiting.set(each, pieces[each]);
    if (!waiting.has(name)) throw missing(path);
    return waiting.get(name);
  }

  /** Another piece, one of Node's modules, or a package. */
  function needed(id) {
    if (id.startsWith("./")) return piece(id.slice(2));
    const own = process.getBuiltinModule(id);
    if (own) return own;
    // What is no JavaScript has nothing to compile.
    if (!id.endsWith(".node")) outside();
    return require(id);
  }

  /** What `import()` has become: a script has none of its own without a warning from Node. */
  function later(id) {
    if (id.startsWith("./"))
      return Promise.resolve().then(function () {
        return piece(id.slice(2));
      });
    outside();
    return import(id);
  }

  function keep() {
    if (fresh)
      scripts.every(function ({ script, kept }) {
        return write(kept, script.createCachedData());
      });
  }
  return { exports: piece(basename(file)), keep };
}

/** What a module finds in `import.meta`, and what it calls before it makes a `require` of its own. */
function placeOf(path, outside) {
  return {
    outside,
    dirname: dirname(path),
    filename: path,
    get url() {
      return pathToFileURL(path).href;
    },
  };
}

/** The mark tells this text from others that had the same name: the engine itself compares no more than lengths. */
function read(path) {
  const descriptor = opened(path);
  try {
    const { size, mtimeMs } = fstatSync(descriptor);
    return { source: readFileSync(descriptor, "utf8"), mark: "-" + size + "-" + mtimeMs };
  } finally {
    closeSync(descriptor);
  }
}

function opened(path) {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw error.code === "ENOENT" ? missing(path) : error;
  }
}

function missing(path) {
  return Object.assign(new Error("cannot find " + path), { code: "ERR_MODULE_NOT_FOUND" });
}

/** How much of a file's second half is read at a time, always to the same place: memory that is used first costs more than reading. */
const WINDOW = 65536;
let second;

/**
 * The engine compares lengths and believes the rest, so what a disk has damaged would end the process: a file has the code twice. Against
 * damage, not against intent: who can write here can write the program.
 */
function readable(file) {
  let descriptor;
  try {
    descriptor = openSync(file, "r");
    const length = fstatSync(descriptor).size / 2;
    const code = Buffer.alloc(length);
    let same = length > 0 && readSync(descriptor, code, 0, length, 0) === length;
    second = second || Buffer.alloc(WINDOW);
    for (let at = 0; same && at < length; at += WINDOW) {
      const some = Math.min(WINDOW, length - at);
      same = readSync(descriptor, second, 0, some, length + at) === some && second.compare(code, at, at + some, 0, some) === 0;
    }
    return same ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** All of it or nothing; whether it was written. */
function write(file, code) {
  const draft = file + "." + process.pid;
  try {
    mkdirSync(dirname(file), { recursive: true });
    // For everybody who can run the program.
    writeFileSync(draft, Buffer.concat([code, code]), { mode: 0o644 });
    renameSync(draft, file);
    return true;
  } catch {
    // A copy that belongs to somebody else, a full disk: then it is compiled each time.
    remove(draft);
    return false;
  }
}

function remove(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // it was never made
  }
}

module.exports = { runPieces };
