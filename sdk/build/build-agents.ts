/**
 * `node dist/sdk/build/build-agents.js [--stamp] [folder…]`: builds the bundled agents, or the named bundles, where that is
 * needed. `--stamp` also writes their manifests' digests.
 */
import { relative, resolve } from "node:path";
import { formatPlace, RlpError } from "#core/errors.js";
import { buildBundles, bundledAgents } from "./bundles.js";

const flags = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = flags.find((flag) => flag !== "--stamp");
if (unknown !== undefined) {
  process.stderr.write(`error[USAGE]: unknown flag ${unknown}\nhint: build-agents.js [--stamp] [folder…]\n`);
  process.exit(2);
}

try {
  const folders = named.length > 0 ? named.map((folder) => resolve(folder)) : bundledAgents();
  await buildBundles(folders, { stamp: flags.includes("--stamp") }, ({ folder, outcome, digest }) => {
    if (outcome !== "fresh") process.stderr.write(`${outcome} ${relative(process.cwd(), folder)} ${digest.slice(0, 16)}\n`);
  });
} catch (error) {
  if (!(error instanceof RlpError)) throw error;
  const place = formatPlace(error.place);
  process.stderr.write(`error[${error.code}]: ${error.message}${place ? `\n  at ${place}` : ""}\n`);
  if (error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`);
  process.exitCode = error.exit;
}
