// Installs a bundle as `rlp` does, with nothing admitted: to be killed while it is at it. Arguments: the archive, the home.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installAgent } from "../../../dist/host/install/install.js";

const [archive, home] = process.argv.slice(2);
process.stdout.write("begins\n");
await installAgent(archive, {
  agentsDir: join(home, "agents"),
  versionsDir: join(home, "versions"),
  inspect: async (dir) => ({
    dir,
    face: { name: readFileSync(join(dir, "manifest.toml"), "utf8"), version: "1.0.0" },
    manifest: new Uint8Array(),
    component: {},
  }),
  before: async () => undefined,
  judge: () => ({ standing: { kind: "stranger", key: null } }),
  allowDowngrade: false,
  now: Date.now,
});
