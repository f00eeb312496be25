// `npm start`, `npm test`, `npm run setup`, `npm run bench`: set up what is missing or stale, then do it. Runs on the machine's own
// Node, which may be too old for everything else, with nothing installed.
import { spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import {
  buildReady,
  buildStamp,
  commands,
  dependenciesReady,
  dependencyDigest,
  dependencyStamp,
  installedByHand,
  linksReady,
  nodeReady,
  nodeSeen,
  sourceDigest,
} from "./fresh.mjs";
import { locked } from "./lock.mjs";
import {
  findNode,
  foreground,
  localHome,
  localMark,
  localSeen,
  localVersion,
  minimum,
  nodePackage,
  pinned,
  root,
} from "./node.mjs";
import { test } from "./test.mjs";

class SetupError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

const say = (line) => process.stderr.write(`rlp: ${line}\n`);

const goals = {
  setup: async () => say("everything is set up; `npm start` runs an example, `npx rlp --help` lists the commands"),
  start: async (args) => run(findNode(), ["dist/tools/rlp/start.js", ...args]),
  test: async (args) => test(findNode(), args),
  bench: async (args) => run(findNode(), ["dist/bench/main.js", ...args]),
};

const goal = process.argv[2] || "setup";
const args = process.argv.slice(3);

main().catch((error) => {
  process.stderr.write(`error[SETUP]: ${error instanceof SetupError ? error.message : error.stack}\n`);
  if (error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  if (goal === "test") process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = 1;
});

async function main() {
  if (!Object.hasOwnProperty.call(goals, goal))
    throw new SetupError(`\`${goal}\` is not one of ${Object.keys(goals).join(", ")}`);
  process.chdir(root);
  if (!allReady()) await setUp();
  await goals[goal](args);
}

function allReady() {
  return nodeReady() && nodeSeen() && dependenciesReady() && linksReady() && buildReady();
}

async function setUp() {
  try {
    mkdirSync(localHome, { recursive: true });
    accessSync(root, constants.W_OK);
    accessSync(localHome, constants.W_OK);
  } catch (error) {
    throw new SetupError(
      `cannot write in ${root}: ${error.message}`,
      "set-up puts Node, the dependencies and the build there: use a copy that belongs to you",
    );
  }
  const waiting = (pid) => say(`waiting for the set-up that process ${pid} is doing`);
  await locked(join(localHome, "lock"), waiting, async () => {
    if (!nodeReady()) await installNode();
    if (!nodeSeen()) writeFileSync(localSeen, localMark(pinned));
    if (!dependenciesReady()) await installDependencies();
    if (!linksReady()) linkCommands();
    if (!buildReady()) await build();
  });
}

async function installNode() {
  const name = nodePackage(process.platform, process.arch);
  say(
    `this is Node ${process.versions.node}, Node ${minimum} or newer is needed: putting Node ${pinned} into .node (about 60 MB to load)`,
  );
  // npm takes a folder with the right package.json for installed, however broken its binary is.
  rmSync(join(localHome, "node_modules"), { recursive: true, force: true });
  const flags = [
    "--no-save",
    "--no-package-lock",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--engine-strict=false",
    "--global=false",
    "--install-links=false",
  ];
  await npm(
    process.execPath,
    ["install", "--prefix", localHome, ...flags, `${name}@${pinned}`],
    `install Node ${minimum} or newer yourself, then try again`,
  );
  if (localVersion() !== pinned)
    throw new SetupError(
      `the Node ${pinned} that npm has for ${process.platform}-${process.arch} does not run here`,
      `install Node ${minimum} or newer yourself, then try again`,
    );
}

async function installDependencies() {
  if (!existsSync(dependencyStamp) && installedByHand()) {
    writeFileSync(dependencyStamp, dependencyDigest());
    if (dependenciesReady()) return;
  }
  say("installing the dependencies (npm ci)");
  await npm(findNode(), ["ci", "--include=dev", "--no-audit", "--no-fund", "--global=false"], "`npm ci` by hand shows more");
  writeFileSync(dependencyStamp, dependencyDigest());
}

/** npm links the commands of dependencies, not of the package itself; without a link `npx rlp` would go looking in the registry. */
function linkCommands() {
  const bin = join(root, "node_modules", ".bin");
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of commands()) {
    const link = join(bin, name);
    rmSync(link, { force: true });
    if (process.platform === "win32")
      writeFileSync(`${link}.cmd`, `@node "%~dp0\\..\\..\\${script.replace(/\//g, "\\")}" %*\r\n`);
    else {
      symlinkSync(join("..", "..", script), link);
      chmodSync(join(root, script), 0o755);
    }
  }
}

async function build() {
  say("building");
  // Taken before the build: a source that changes meanwhile leaves it stale.
  const digest = sourceDigest();
  const node = findNode();
  const projects = JSON.parse(readFileSync("tsconfig.json", "utf8")).references.map((reference) => reference.path);
  await must(
    node,
    ["node_modules/typescript/bin/tsc", "-b", ...projects.filter((path) => path !== "test")],
    "the build failed",
    "the lines above say where",
  );
  await must(node, ["dist/sdk/build/build-agents.js"], "the agents could not be built", "the lines above say where");
  writeFileSync(buildStamp, digest);
}

/** Runs npm quietly: what it printed is shown only when it fails. */
async function npm(node, npmArgs, hint) {
  const env = { ...process.env, PATH: dirname(node) + delimiter + (process.env.PATH || ""), npm_config_update_notifier: "false" };
  // `npm test --ignore-scripts` and the like are about the outer npm.
  for (const name of [
    "npm_config_global",
    "npm_config_dry_run",
    "npm_config_omit",
    "npm_config_prefix",
    "npm_config_local_prefix",
    "npm_config_package_lock_only",
  ])
    delete env[name];
  env.npm_config_cache = npmCache();
  const { code, output } = await collect(node, [npmScript(), ...npmArgs], env);
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
  return join(localHome, "npm-cache");
}

function collect(command, commandArgs, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArgs, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-65536)));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: signal || code, output }));
  });
}

async function must(node, commandArgs, message, hint) {
  const { code, output } = await collect(node, commandArgs, process.env);
  if (output) process.stderr.write(output.endsWith("\n") ? output : `${output}\n`);
  if (code !== 0) throw new SetupError(message, hint);
}

function run(node, commandArgs) {
  const [script] = commandArgs;
  if (!existsSync(script))
    throw new SetupError(`${script} is not there`, "`npm run setup` after deleting dist builds everything anew");
  foreground(node, commandArgs, { cwd: root });
}
