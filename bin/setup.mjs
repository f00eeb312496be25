// `npm start`, `npm test`, `npm run setup`, `npm run bench`, `npm run fuzz`: set up what is missing or stale, then do it. Runs on the machine's own
// Node, which may be too old for everything else, with nothing installed.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildMark, buildReady, buildStamp, dependenciesReady, nodeReady, nodeSeen, sourceDigest } from "./fresh.mjs";
import { collect, installDependencies, installNode, ownCache, say, SetupError } from "./install.mjs";
import { locked } from "./lock.mjs";
import { findNode, foreground, localHome, localMark, localSeen, pinned, root } from "./node.cjs";
import { test } from "./test.mjs";

const goals = {
  setup: async () => say("everything is set up; `npm start` runs an example, `npx rlp --help` lists the commands"),
  start: async (args) => run(findNode(), ["dist/tools/rlp/start.js", ...args]),
  test: async (args) => test(findNode(), args),
  fuzz: async (args) => run(findNode(), ["dist/fuzz/main.js", ...args]),
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
  return nodeReady() && nodeSeen() && dependenciesReady() && buildReady();
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
  await locked(join(localHome, "lock"), waiting, async (alive) => {
    if (!nodeReady()) await installNode(alive);
    if (!nodeSeen()) writeFileSync(localSeen, localMark(pinned));
    if (!dependenciesReady()) await installDependencies(alive);
    // Of use to a set-up that failed half-way, and hundreds of megabytes after that.
    rmSync(ownCache, { recursive: true, force: true });
    if (!buildReady()) await build(alive);
  });
}

async function build(alive) {
  say("building");
  // Taken before the build: a source that changes meanwhile leaves it stale.
  const sources = sourceDigest();
  const projects = JSON.parse(readFileSync("tsconfig.json", "utf8")).references.map((reference) => reference.path);
  await must(alive, ["node_modules/typescript/bin/tsc", "-b", ...projects.filter((path) => path !== "test")], "the build failed");
  await must(alive, ["dist/sdk/build/build-agents.js"], "the agents could not be built");
  await must(alive, ["dist/tools/agtop/bundle.js"], "agtop could not be bundled");
  await must(alive, ["bin/bundle.mjs"], "rlp could not be bundled");
  await must(alive, ["bin/children.mjs"], "the programs of sandbox processes could not be bundled");
  writeFileSync(buildStamp, buildMark(sources));
}

async function must(alive, args, message) {
  const { code, output } = await collect(findNode(), args, process.env, root, alive);
  if (output) process.stderr.write(output.endsWith("\n") ? output : `${output}\n`);
  if (code !== 0) throw new SetupError(message, "the lines above say where");
}

function run(node, commandArgs) {
  const [script] = commandArgs;
  if (!existsSync(script))
    throw new SetupError(`${script} is not there`, "`npm run setup` after deleting dist builds everything anew");
  foreground(node, commandArgs, { cwd: root });
}
