/** Runs that earlier versions have recorded replay in this one (`histories/README.md`). */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { locateHome } from "#host/config/home.js";
import { loadConfig } from "#host/config/load.js";
import { openHost, type Host } from "#host/host.js";
import { replayTrace } from "#host/run/replay.js";
import { readTrace } from "#host/trace/read.js";
import { writeAgent } from "./bundle.js";

const root = join(import.meta.dirname, "histories");
const histories = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(join(root, name)).map((file) => `${name}/${file}`));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rlp-histories-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function unzipped(history: string): Promise<string> {
  const file = join(folder, history.replaceAll("/", "-").replace(/\.gz$/, ""));
  await writeFile(file, gunzipSync(readFileSync(join(root, history))));
  return file;
}

/** The agents of an old version are nobody's that this home knows: for what they did then they need not be trusted, but caged. */
async function hostFor(agents: Iterable<string>, agentDirs: readonly string[] = []): Promise<Host> {
  const place = { env: { RUNLOOP_HOME: join(folder, "home") }, cwd: folder };
  const { config } = loadConfig({ ...place, home: locateHome(place), flags: [] });
  return openHost({ home: locateHome(place), config, acceptReduced: [...agents], agentDirs });
}

test.each(histories)(
  "%s",
  async (history) => {
    const file = await unzipped(history);
    const trace = await readTrace(file);
    const host = await hostFor(trace.agents.keys());
    try {
      const verdict = await replayTrace(host, { file });
      const ended = trace.events.find(({ kind }) => kind === "run.finished");
      expect(verdict).toMatchObject({
        agrees: true,
        finalHash: ended?.kind === "run.finished" ? ended.meta.final_hash : null,
      });
    } finally {
      await host.close();
    }
  },
  180_000,
);

test("where other builds go by the names of its agents, a history's own are executed", async () => {
  const file = await unzipped("0.1.0/greet_everybody.ndjson.gz");
  const trace = await readTrace(file);
  for (const name of trace.agents.keys()) await writeAgent(folder, { name, code: 'mode = "another";' });
  const host = await hostFor(trace.agents.keys(), [join(folder, "agents")]);
  try {
    expect((await host.agent("greeter", { purpose: "replay" })).face.digest).not.toBe(trace.agents.get("greeter")?.component);
    expect(await replayTrace(host, { file })).toMatchObject({ agrees: true });
  } finally {
    await host.close();
  }
});
