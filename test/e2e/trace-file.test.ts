/** Trace files that were damaged, forged, or never were any. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { locateHome } from "#host/config/home.js";
import { loadConfig } from "#host/config/load.js";
import { openHost, type Host } from "#host/host.js";
import { replayTrace } from "#host/run/replay.js";
import { example, freshHome, homeWithSamples, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let empty: HomeFolder;
let host: Host;
let folder: string;
let file: string;
let lines: string[];
/** Lines of events; blobs follow. */
let events: number;
beforeAll(async () => {
  [home, empty] = await Promise.all([homeWithSamples(), freshHome()]);
  folder = await mkdtemp(join(tmpdir(), "rlp-traces-"));
  file = join(folder, "changed.ndjson");
  const good = join(folder, "good.ndjson");
  const run = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes", "--trace-out", good);
  if (run.code !== 0) throw new Error(run.stderr);
  // Without the ledger's chain and the seal, which would find every change before a replay does (trace-export.test.ts).
  lines = (await readFile(good, "utf8"))
    .trimEnd()
    .split("\n")
    .filter((line) => !/^\{"(?:rows|seal)":/.test(line));
  events = lines.filter((line) => line.includes('"kind"')).length;
  const place = { env: { RUNLOOP_HOME: empty.path }, cwd: folder };
  const { config } = loadConfig({ ...place, home: locateHome(place), flags: [] });
  host = openHost({ home: locateHome(place), config });
});
afterAll(async () => {
  await host.close();
  await Promise.all([home.remove(), empty.remove(), rm(folder, { recursive: true, force: true })]);
});

/** In this process: the same replay as `rlp replay`, without a new Node for each of a thousand changes. */
async function verdict(changed: readonly unknown[]): Promise<string> {
  await writeFile(file, `${changed.map((line) => JSON.stringify(line)).join("\n")}\n`);
  try {
    const { agrees } = await replayTrace(host, { file });
    return agrees ? "agrees" : "found";
  } catch (error) {
    const { exit, code } = error as { exit?: number; code?: string };
    return exit === 4 || (exit === 2 && code === "USAGE") ? "found" : String(error);
  }
}

/** Another value of the same kind, one that the schema of events takes. */
const other: Readonly<Record<string, string>> = {
  info: "warn",
  allowed: "denied",
  approved: "rejected",
  done: "failed",
  ok: "error",
};
function changed(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return "x";
  if (other[value] !== undefined) return other[value];
  return /[0-9a-f]$/.test(value) && value.length >= 36 ? value.slice(0, -1) + (value.endsWith("0") ? "1" : "0") : `${value}x`;
}

function* leaves(value: unknown, path: readonly string[] = []): Iterable<readonly string[]> {
  if (typeof value !== "object" || value === null) yield path;
  else for (const [key, item] of Object.entries(value)) yield* leaves(item, [...path, key]);
}

/**
 * What a replay cannot know: when things happened and how long they took, sentences that repeat what the fields say, on which
 * machine it was, and what the host wrote down beside an effect that no agent has seen (docs/threat-model.md).
 */
const NOT_FOUND = [
  /^\S+ (?:ts_ms|message|level)$/,
  /duration_ms$/,
  /^run\.started meta\.(?:host|agent_dirs|trust|source)\./,
  /^run\.started meta\.(?:epoch_ms|kb_watermark)$/, // no agent of this opening asks for the time
  /^node\.finished meta\.peak_memory_bytes$/,
  /^node\.waiting meta\.proposal_id$/,
  /^budget\.\w+ meta\.(?:scope|unit|amount|left)$/,
  /^action\.proposed meta\.(?:summary\.value|expires_at_ms)$/,
  /^action\.decided meta\.by$/,
  /^action\.finished meta\.detail$/,
  /^call\.started meta\.idempotency_key$/,
  /^email\.sent meta\./,
  /^blob media_type$/,
];

test("every field of every event, changed one at a time, is found; but for those that no execution can tell", async () => {
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(await verdict(parsed)).toBe("agrees");
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const [index, line] of parsed.entries())
    for (const path of leaves(line)) {
      const name = `${String(line["kind"] ?? "blob")} ${path.join(".").replaceAll(/\b\d+\b/g, "#")}`;
      if (name === "blob base64" || seen.has(name)) continue;
      seen.add(name);
      const copy = structuredClone(parsed);
      const at = path.slice(0, -1).reduce((part, key) => part[key] as Record<string, unknown>, copy[index] ?? {});
      const last = path.at(-1) ?? "";
      at[last] = changed(at[last]);
      const expected = NOT_FOUND.some((pattern) => pattern.test(name)) ? "agrees" : "found";
      const got = await verdict(copy);
      // A number that is only checked for consistency may be found all the same.
      if (got !== expected && !(expected === "agrees" && got === "found")) wrong.push(`${name}: ${got}`);
    }
  expect(seen.size).toBeGreaterThan(200);
  expect(wrong).toEqual([]);
});

const whole = (): string => `${lines.join("\n")}\n`;
const swapped = (a: number, b: number): string => {
  const copy = [...lines];
  [copy[a], copy[b]] = [copy[b] ?? "", copy[a] ?? ""];
  return `${copy.join("\n")}\n`;
};

describe("a damaged file is told with its place, and never with a stack", () => {
  test.each<[string, () => string | Buffer, number, RegExp]>([
    ["cut off in the middle of a line", () => whole().slice(0, -700), 4, /TRACE_DAMAGED.*changed\.ndjson:\d+/],
    ["cut off between two lines", () => lines.slice(0, events - 1).join("\n"), 4, /TRACE_DAMAGED.*in the middle of the run/],
    ["cut off after its first line", () => `${lines[0]}\n`, 4, /TRACE_DAMAGED.*after event 0 \(run\.started\)/],
    ["lines in another order", () => swapped(5, 9), 4, /seq 5/],
    ["a line that is missing", () => lines.filter((_, index) => index !== 7).join("\n"), 4, /seq 7/],
    ["a line that stands there twice", () => [...lines.slice(0, 8), ...lines.slice(7)].join("\n"), 4, /seq 8/],
    ["no blobs", () => lines.slice(0, events).join("\n"), 4, /does not hold the blob/],
    ["a blob with other bytes", () => whole().replace('"base64":"', '"base64":"QUFB'), 4, /TRACE_DAMAGED.*has the digest/],
    [
      "a line of another run",
      () => lines.map((line, index) => (index === 4 ? line.replaceAll(/trace:[0-9a-f]{8}/g, "trace:00000000") : line)).join("\n"),
      4,
      /changed\.ndjson:5/,
    ],
    [
      "bytes that are no UTF-8",
      () => Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.from([0xff, 0xfe, 0x1b, 0x0a])]),
      4,
      /:2/,
    ],
    ["JSON nested without end", () => `${lines[0]}\n${"[".repeat(100_000)}\n`, 4, /nested deeper/],
    ["a number beyond all bounds", () => whole().replace('"seq":3', '"seq":1e999'), 4, /:4/],
    ["another program's text", () => "<html>\u001b[2J\n", 2, /no trace file.*:1/],
    ["nothing", () => "", 2, /no events/],
    ["zeros", () => Buffer.alloc(100_000), 2, /no trace file/],
  ])("%s", async (_, content, code, says) => {
    await writeFile(file, content());
    const outcome = await empty.rlp("replay", file);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.code).toBe(code);
    // eslint-disable-next-line no-control-regex
    expect(outcome.stderr).not.toMatch(/^\s+at |[\u0000-\u0009\u000b-\u001f]/m);
  });

  test("a folder and a device are no files", async () => {
    await mkdir(join(folder, "directory"));
    for (const path of [join(folder, "directory"), "/dev/zero"]) expect((await empty.rlp("replay", path)).code).toBe(2);
  });
});
