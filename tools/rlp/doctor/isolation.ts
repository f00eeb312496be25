/** Which cage agents run in on this machine, tried from inside, and how to get a stronger one. */
import { join } from "node:path";
import { parseJson } from "#core/json.js";
import { RlpError } from "#core/errors.js";
import { climb } from "#host/sandbox/isolation/ladder.js";
import type { Floor, Isolation, Rung } from "#host/sandbox/isolation/rung.js";
import { codeRoot, spawnConfined } from "#host/sandbox/spawn.js";
import { broken, ok, reason, warning, type Finding } from "./finding.js";

const WHAT: Readonly<Record<Rung, string>> = {
  bubblewrap:
    "agents' processes see no files but their own code and the system's libraries, no network and no other process; a filter refuses system calls that they never need",
  namespaces:
    "agents' processes see no files but their own code and the system's libraries, no network and no other process; system calls are not filtered",
  permission:
    "agents' processes are kept in by Node's permission model alone, which is no wall against code that breaks out of WebAssembly",
};

/** What the permission model does not deny. In every other rung the cage does. */
const KNOWN_GAPS = ["signal other processes", "use the network"];

export async function checkIsolation(node: string, floor: Floor): Promise<Finding> {
  let cage: Isolation;
  try {
    cage = await climb(floor, { node });
  } catch (error) {
    return broken("isolation", reason(error), (error instanceof RlpError ? error.hint : undefined) ?? "see `runtime.isolation`");
  }
  const escaped = await escape(cage, node);
  if ("why" in escaped)
    return broken(
      "isolation",
      `a sandbox process does not start: ${escaped.why}`,
      "check that the Node binary is whole: `npm run setup`",
    );
  const { managed } = escaped;
  const what = `${cage.name}: ${WHAT[cage.rung]}`;
  const unexpected = managed.filter((name) => cage.rung !== "permission" || !KNOWN_GAPS.includes(name));
  if (unexpected.length > 0)
    return broken(
      "isolation",
      `${what}; and yet one can ${unexpected.join(", ")}`,
      "do not run agents that you do not trust here",
    );
  const open = managed.length > 0 ? `; it can ${managed.join(" and ")}` : "";
  if (floor === "reduced") return warning("isolation", `${what}${open}`, "`runtime.isolation: reduced` is set: remove it");
  const [better] = cage.missing;
  if (!better) return ok("isolation", what);
  return warning(
    "isolation",
    `${what}${open} (${cage.missing.map(({ rung, why }) => `${rung}: ${why}`).join("; ")})`,
    better.mend,
  );
}

/** What code in the cage managed to do, or why it did not even start. */
async function escape(
  cage: Isolation,
  nodePath: string,
): Promise<{ readonly managed: readonly string[] } | { readonly why: string }> {
  const { dist, packageFile } = codeRoot();
  const entry = join(dist, "tools", "rlp", "doctor", "escape.js");
  const { pipe, gone, end, lastWords } = spawnConfined({
    isolation: cage,
    entry,
    readable: [packageFile, entry],
    // The process that asks is not the child's own, and its binary's folder not the child's code.
    args: [String(process.pid), join(dist, "core", "errors.js")],
    memoryBytes: 2 ** 31,
    nodePath,
  });
  let said = "";
  pipe.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(0, 4096)));
  const timer = setTimeout(end, 20_000);
  const how = await gone;
  clearTimeout(timer);
  try {
    const managed = parseJson(said, { bytes: 4096, depth: 2, elements: 100 });
    if (Array.isArray(managed)) return { managed: managed.map(String) };
  } catch {
    // It did not get as far as an answer.
  }
  return { why: lastWords(how) };
}
