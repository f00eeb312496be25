// What is missing or stale. Reads only: a second `npm start` must find out in a few milliseconds that there is nothing to do.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { newEnough, localMark, localSeen, localVersion, pinned, root, runningSuits } from "./node.cjs";

export const dependencyStamp = join(root, "node_modules", ".set-up");
export const buildStamp = join(root, "dist", ".built");

/** Everything that decides what a build gives. */
const SOURCES = ["core", "kb", "openings", "host", "sdk", "agents", "examples/agents", "tools", "bench", "test/fuzz"];
const SETTINGS = ["bin/bundle.mjs", "package-lock.json", "package.json", "tsconfig.base.json", "tsconfig.json"];
/** The build writes each agent's component beside its sources. */
const isOutput = (path) => path.endsWith(".wasm");

/** Whether the running Node or the pinned one beside the project can be used. Another version in `.node` is replaced. */
export function nodeReady() {
  return runningSuits() || (localVersion() === pinned && newEnough(pinned));
}

export function nodeSeen() {
  return runningSuits() || text(localSeen) === localMark(pinned);
}

/** The lock file's digest and the machine: a folder shared between two systems is installed anew on each. */
export function dependencyDigest() {
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  return hash.update(`\n${process.platform}-${process.arch}`).digest("hex");
}

export function dependenciesReady() {
  return (
    text(dependencyStamp) === dependencyDigest() &&
    directDependencies().every((name) => existsSync(join(root, "node_modules", name, "package.json")))
  );
}

function directDependencies() {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
}

/** A person's own `npm ci` needs no repeating: npm's record of what it installed agrees with the lock file. */
export function installedByHand() {
  const record = text(join(root, "node_modules", ".package-lock.json"));
  if (record === undefined) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  let installed;
  try {
    installed = JSON.parse(record).packages;
  } catch {
    return false;
  }
  return Object.keys(wanted).every((path) => {
    if (path === "") return true;
    const found = installed[path];
    return found === undefined
      ? wanted[path].optional === true || wanted[path].peer === true
      : found.version === wanted[path].version && existsSync(join(root, path));
  });
}

/** Paths, sizes and times; reading all that would cost more than it saves. */
function digestOf(paths, wanted) {
  const hash = createHash("sha256");
  const visit = (path) => {
    let file;
    try {
      file = statSync(join(root, path));
    } catch {
      return;
    }
    if (file.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort())
        if (name !== "node_modules" && name !== "dist") visit(`${path}/${name}`);
    } else if (wanted(path)) hash.update(`${path}\0${file.size}\0${file.mtimeMs}\n`);
  };
  for (const path of paths) visit(path);
  return hash.digest("hex");
}

export function sourceDigest() {
  return digestOf([...SOURCES, ...SETTINGS], (path) => !isOutput(path));
}

/** What stands in the stamp after a build of these sources. A component that is gone or was changed since makes it stale as well. */
export function buildMark(sources) {
  return `${sources} ${digestOf(SOURCES, isOutput)}`;
}

export function buildReady() {
  const stamp = text(buildStamp);
  return stamp !== undefined && stamp === buildMark(sourceDigest());
}

function text(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
