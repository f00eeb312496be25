/** A host in a home of its own, as `rlp` would open it on a machine where nobody has configured anything. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { homeAt } from "#host/config/home.js";
import { loadConfig } from "#host/config/load.js";
import { openHost, type Host } from "#host/host.js";

export function benchHost(scratch: string, agentDirs: readonly string[] = []): Host {
  const root = join(scratch, "home");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const { home, config } = loadConfig({
    home: homeAt(root, true),
    flags: [],
    env: {},
    cwd: scratch,
    systemFile: join(scratch, "none.yaml"),
  });
  // What is measured here was made here: on a machine without the full cage it is measured in what there is.
  return openHost({ home, config, agentDirs, acceptReduced: agentDirs.flatMap((dir) => readdirSync(dir)) });
}
