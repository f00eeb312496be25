// The two things that set-up loads: a Node that is new enough, and the dependencies. Both by the machine's own npm.
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { dependenciesReady, dependencyDigest, dependencyStamp, installedByHand } from "./fresh.mjs";
import { findNode, localHome, localVersion, minimum, nodePackage, pinned, root } from "./node.cjs";

/** What a person can mend. */
export class SetupError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

export const ownCache = join(localHome, "npm-cache");

export const say = (line) => process.stderr.write(`rlp: ${line}\n`);

export async function installNode(alive) {
  const name = nodePackage(process.platform, process.arch);
  say(
    `this is Node ${process.versions.node}, Node ${minimum} or newer is needed: putting Node ${pinned} into .node (about 60 MB to load)`,
  );
  // npm takes a folder with the right package.json for installed, however broken its binary is.
  rmSync(join(localHome, "node_modules"), { recursive: true, force: true });
  // A package.json of its own makes the folder npm's target; `--prefix` would also hide the machine's npm settings (certificates, proxies).
  writeFileSync(join(localHome, "package.json"), '{ "private": true }\n');
  const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--engine-strict=false"];
  await npm(
    alive,
    localHome,
    ["install", ...flags, `${name}@${pinned}`],
    `install Node ${minimum} or newer yourself, then try again`,
  );
  if (localVersion() !== pinned)
    throw new SetupError(
      `the Node ${pinned} that npm has for ${process.platform}-${process.arch} does not run here`,
      `install Node ${minimum} or newer yourself, then try again`,
    );
}

export async function installDependencies(alive) {
  if (!existsSync(dependencyStamp) && installedByHand()) {
    writeFileSync(dependencyStamp, dependencyDigest());
    if (dependenciesReady()) return;
  }
  say("installing the dependencies (npm ci)");
  await npm(alive, root, ["ci", "--include=dev"], "`npm ci` by hand shows more");
  writeFileSync(dependencyStamp, dependencyDigest());
}

/** Settings of the npm that started us which are about that one: `npm test --dry-run`, `npm start -g`. */
const OUTER = ["global", "dry_run", "omit", "prefix", "local_prefix", "package_lock_only", "workspace", "workspaces"];

/** Runs the machine's npm quietly in `folder`: what it printed is shown only when it fails. Scripts, if any, get the new Node. */
async function npm(alive, folder, npmArgs, hint) {
  const path = dirname(findNode() || process.execPath) + delimiter + (process.env.PATH || "");
  const env = { ...process.env, PATH: path, npm_config_update_notifier: "false" };
  for (const name of OUTER) delete env[`npm_config_${name}`];
  env.npm_config_cache = npmCache();
  const quiet = ["--no-audit", "--no-fund", "--global=false"];
  const { code, output } = await collect(process.execPath, [npmScript(), ...npmArgs, ...quiet], env, folder, alive);
  if (code === 0) return;
  process.stderr.write(output);
  throw new SetupError(`npm ${npmArgs[0]} failed (exit ${code})`, `is the npm registry reachable? ${hint}`);
}

function npmScript() {
  const beside = [
    process.env.npm_execpath,
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    ...(process.env.PATH || "").split(delimiter).map((folder) => real(join(folder, "npm"))),
  ];
  const found = beside.find((file) => file && file.endsWith("npm-cli.js") && existsSync(file));
  if (!found) throw new SetupError("npm was not found", "start this with npm: `npm start`, `npm test`");
  return found;
}

function real(file) {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** The user's own npm cache where it can be written, else one inside the project (no HOME, HOME of somebody else). */
function npmCache() {
  const users = process.env.npm_config_cache;
  if (users) {
    try {
      mkdirSync(join(users, "_cacache", "tmp"), { recursive: true });
      for (const part of ["", "_cacache", "_cacache/tmp"]) accessSync(join(users, part), constants.W_OK);
      return users;
    } catch {
      // not ours
    }
  }
  return ownCache;
}

/** Runs a program, gives what it printed. `alive(pid)` keeps the lock held while it runs, even if this process is killed. */
export function collect(command, commandArgs, env, cwd, alive) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArgs, { cwd, env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    if (child.pid) alive(child.pid);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-65536)));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: signal || code, output }));
  });
}
