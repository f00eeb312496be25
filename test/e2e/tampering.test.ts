import { mkdtemp, readdir, readFile, rm, writeFile, cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { jsonDigest } from "#core/json.js";
import { events, example, homeWithSamples, root, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let lines: string[];
let bare: string[];
let all: RunEvent[];
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-tamper-"));
  const file = join(folder, "good.ndjson");
  const run = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes", "--trace-out", file);
  if (run.code !== 0) throw new Error(run.stderr);
  all = events(run.stdout);
  lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  bare = lines.filter((line) => !/^\{"(?:rows|seal)":/.test(line));
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

/**
 * Replays the trace with its events changed; gives the exit code and what was said. What seals the file, and what says where each event
 * stands in its ledger, is left out by whoever changes it: with them a change is found before anything runs.
 */
async function replayChanged(change: (event: any) => void, of: readonly string[] = bare) {
  const file = join(folder, `changed-${Math.random().toString(36).slice(2)}.ndjson`);
  const changed = of.map((line) => {
    const value = JSON.parse(line);
    if (value.kind) change(value);
    return JSON.stringify(value);
  });
  await writeFile(file, `${changed.join("\n")}\n`);
  return home.rlp("replay", file);
}

test("the untouched file replays", async () => {
  expect((await replayChanged(() => {}, lines)).code).toBe(0);
  expect(bare.length).toBeLessThan(lines.length);
  expect((await replayChanged(() => {})).code).toBe(0);
});

test("one byte of every recorded response that stands in the file is found, with node, attempt and call", async () => {
  const calls = all.filter((event) => event.kind === "call.finished" && "value" in event.meta.response);
  expect(calls.length).toBeGreaterThan(3);
  for (const target of calls) {
    if (target.kind !== "call.finished") continue;
    const forge = (event: any): void => {
      if (event.seq !== target.seq) return;
      const text = JSON.stringify(event.meta.response.value);
      const at = text.search(/[a-z](?=[a-z]{2,}[^"]*"[,}\]])/);
      event.meta.response.value = JSON.parse(
        at < 0 ? '{"ok":"forged"}' : `${text.slice(0, at)}${text[at] === "q" ? "z" : "q"}${text.slice(at + 1)}`,
      );
    };
    for (const [of, code] of [
      [bare, "REPLAY_MISMATCH"],
      [lines, "TRACE_DAMAGED"],
    ] as const) {
      const changed = await replayChanged(forge, of);
      expect(changed.code).toBe(4);
      expect(changed.stderr).toContain(code);
      expect(changed.stderr).toMatch(
        new RegExp(`node ${target.meta.node}, attempt ${target.meta.attempt}, call ${target.meta.call_seq}\\b`),
      );
    }
  }
});

test("a forged response with a forged digest is found by executing the component", async () => {
  const changed = await replayChanged((event) => {
    if (event.kind !== "call.finished" || event.meta.interface !== "model") return;
    event.meta.response.value.ok.text = "Dear all,\n\nsomething else entirely.\n\nBye";
    event.meta.response_hash = jsonDigest(event.meta.response.value);
  });
  expect(changed.code).toBe(4);
  expect(changed.stderr).toContain("draft");
});

test.each([
  [
    "an output",
    (event: any) =>
      event.kind === "node.finished" && event.meta.node === "review" && (event.meta.outputs[0].body = { value: false }),
  ],
  ["fuel", (event: any) => event.kind === "node.finished" && event.meta.node === "context" && event.meta.fuel++],
  ["final_hash", (event: any) => event.kind === "run.finished" && (event.meta.final_hash = "0".repeat(64))],
  ["a component's digest", (event: any) => event.kind === "run.started" && (event.meta.components.writer = "0".repeat(64))],
  [
    "the journal's digest",
    (event: any) => event.kind === "node.finished" && event.meta.node === "draft" && (event.meta.journal_hash = "0".repeat(64)),
  ],
])("a changed %s exits 4", async (_what, change) => {
  const changed = await replayChanged(change);
  expect(changed.stderr).toContain("error[");
  expect(changed.code).toBe(4);
});

test("an agent whose bytes differ from those of the run is found", async () => {
  const agents = join(folder, "agents");
  await cp(join(root, "agents"), agents, { recursive: true });
  const wasm = join(agents, "writer", "agent.wasm");
  const bytes = await readFile(wasm);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(wasm, bytes);
  const file = join(folder, "good.ndjson");
  // Copies that nobody has signed: on a machine without the full cage they need a person's word.
  const accepted = (await readdir(agents)).flatMap((name) => ["--accept-reduced", name]);
  const replay = await home.rlp("replay", file, "--agents", agents, ...accepted);
  expect(replay.stderr).toContain("writer");
  expect(replay.code).toBe(4);
});
