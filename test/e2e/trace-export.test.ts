/** A run as one file: what it proves, where it replays, and what is refused of a file that somebody changed. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, asyncProperty, nat } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { readTrace } from "#host/trace/read.js";
import { verifyTrace } from "#host/trace/verify.js";
import { example, freshHome, homeWithSamples, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let empty: HomeFolder;
let folder: string;
let file: string;
let trace: string;
let publicKey: string;
let lines: readonly string[];

beforeAll(async () => {
  [home, empty] = await Promise.all([homeWithSamples(), freshHome()]);
  folder = await mkdtemp(join(tmpdir(), "rlp-export-"));
  file = join(folder, "run.ndjson");
  const run = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes");
  trace = (JSON.parse(run.stdout.split("\n")[0] ?? "") as { trace_id: string }).trace_id;
  const exported = await home.rlp("trace", "export", trace, "--with-components", "--sign", "-o", file, "--json");
  if (exported.code !== 0) throw new Error(exported.stderr);
  const [key] = JSON.parse((await home.rlp("keys", "list", "--json")).stdout) as { public: string }[];
  publicKey = key?.public ?? "";
  lines = (await readFile(file, "utf8")).trimEnd().split("\n");
});
afterAll(async () => {
  await Promise.all([home.remove(), empty.remove(), rm(folder, { recursive: true, force: true })]);
});

const at = (key: string): number => lines.findIndex((line) => line.startsWith(`{"${key}":`));
async function changed(change: (copy: string[]) => readonly string[] | string): Promise<string> {
  const result = change([...lines]);
  const other = join(folder, "changed.ndjson");
  await writeFile(other, typeof result === "string" ? result : `${result.join("\n")}\n`);
  return other;
}
/** With a seal that fits: as somebody writes it who is not kept by a digest. */
function sealed(copy: readonly string[]): readonly string[] {
  const before = copy.filter((line) => !line.startsWith('{"seal":'));
  const old = JSON.parse(lines.at(-1) ?? "") as { seal: Record<string, unknown> };
  const count = (key: string): number => before.filter((line) => line.startsWith(`{"${key}":`)).length;
  const seal = {
    ...old.seal,
    events: before.filter((line) => line.startsWith('{"v":')).length,
    agents: count("agent"),
    blobs: count("blob"),
    content: blake3(before.map((line) => `${line}\n`).join("")),
  };
  return [...before, JSON.stringify({ seal })];
}

test("it is for its owner's eyes, and holds every bundle", async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(lines.filter((line) => line.startsWith('{"agent":')).length).toBe(5);
});

test("whoever has the public key, and nothing else, can tell whose it is and that it is whole", async () => {
  const verified = await empty.rlp("trace", "verify", file, "--key", publicKey, "--json");
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    trace_id: trace,
    whole: true,
    chained: lines.filter((l) => l.startsWith('{"v"')).length,
  });
  const keyFile = join(folder, "ada.pub");
  await writeFile(keyFile, `${publicKey}\n`);
  expect((await empty.rlp("trace", "verify", file, "--key", keyFile)).code).toBe(0);
});

test("without a key that this home trusts it is whole, and proves nothing: exit code 4", async () => {
  const verified = await empty.rlp("trace", "verify", file);
  expect([verified.code, JSON.parse(verified.stdout)]).toMatchObject([4, { whole: true, signer: { trust: "unknown" } }]);
  const stranger = await empty.rlp("trace", "verify", file, "--key", `${"A".repeat(42)}8=`);
  expect(stranger.code).not.toBe(0);
  expect((await home.rlp("trace", "verify", file)).code).toBe(0);
});

test("it replays in an empty home, from its own bundles, and can be taken in", async () => {
  expect((await empty.rlp("replay", file)).code).toBe(0);
  const taken = await empty.rlp("trace", "import", file, "--json");
  expect(JSON.parse(taken.stdout)).toMatchObject({ trace_id: trace, is_new: true });
  expect(JSON.parse((await empty.rlp("trace", "import", file, "--json")).stdout)).toMatchObject({ is_new: false });
  expect((await empty.rlp("replay", trace.slice(6, 30))).code).toBe(0);
  expect((await empty.rlp("trace", trace, "--json")).stdout.trimEnd().split("\n").length).toBe(
    lines.filter((line) => line.startsWith('{"v"')).length,
  );
  expect((await empty.rlp("runs", "--imported", "--json")).stdout).toContain(trace);
});

test("nothing goes on in a run from elsewhere, and it is no run of this home", async () => {
  await empty.rlp("trace", "import", file);
  for (const words of [
    ["resume", trace],
    ["cancel", trace],
    ["fork", trace, "--from", "draft"],
  ] as const) {
    const outcome = await empty.rlp(...words);
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining("TRACE_FOREIGN")]);
  }
  expect(JSON.parse((await empty.rlp("runs", "--json")).stdout || "[]")).toEqual([]);
  expect((await empty.rlp("proposals", "--json")).stdout).not.toContain("proposal:");
  const mine = await home.rlp("trace", "import", file);
  expect([mine.code, mine.stderr]).toEqual([1, expect.stringContaining("TRACE_KNOWN")]);
});

describe("a file that somebody changed is refused with the line", () => {
  test.each<[string, (copy: string[]) => readonly string[] | string, RegExp]>([
    [
      "one letter of an agent's words",
      (copy) => copy.map((l, i) => (i === 3 ? l.replace('"message":"', '"message":"x') : l)),
      /is not the row/,
    ],
    [
      "the same, without the chain",
      (copy) =>
        copy.filter((l) => !l.startsWith('{"rows"')).map((l, i) => (i === 3 ? l.replace('"message":"', '"message":"x') : l)),
      /the seal says content/,
    ],
    ["an event that is gone", (copy) => copy.filter((_, i) => i !== 5), /seq 6 stands in the place of seq 5/],
    ["a blob that stands there twice", (copy) => sealed([...copy.slice(0, -1), copy[at("blob")] ?? ""]), /stands there twice/],
    [
      "an agent that stands there twice",
      (copy) => sealed([...copy.slice(0, at("agent")), copy[at("agent")] ?? "", ...copy.slice(at("agent"))]),
      /`\w+` stands there twice/,
    ],
    [
      "a path that leads out",
      (copy) => sealed(copy.map((l) => l.replace('"policy.caps":', '"../policy.caps":'))),
      /not a file inside a bundle/,
    ],
    [
      "an absolute path",
      (copy) => sealed(copy.map((l) => l.replace('"policy.caps":', '"/etc/policy.caps":'))),
      /not a file inside a bundle/,
    ],
    [
      "an agent's name that is a path",
      (copy) => sealed(copy.map((l) => l.replace('{"agent":{"name":"', '{"agent":{"name":"../'))),
      /not an agent's name/,
    ],
    [
      "a component that is not there",
      (copy) => sealed(copy.map((l) => l.replace(/("component":")[0-9a-f]{8}/, "$1deadbeef"))),
      /does not hold deadbeef/,
    ],
    ["an event behind the blobs", (copy) => [...copy.slice(0, -1), copy[2] ?? "", copy.at(-1) ?? ""], /an event stands behind/],
    ["something behind the seal", (copy) => [...copy, copy[2] ?? ""], /after the seal/],
    [
      "another seal",
      (copy) => [...copy.slice(0, -1), (copy.at(-1) ?? "").replace('"events":', '"events":1')],
      /the seal says events/,
    ],
    ["a kind of line that there is not", (copy) => sealed([...copy.slice(0, -1), '{"worm":1}']), /does not know \(`worm`\)/],
    [
      "a node's name that moves the cursor",
      (copy) =>
        sealed(
          copy.filter((l) => !l.startsWith('{"rows"')).map((l) => l.replaceAll('"node":"draft"', '"node":"\\u001b[2Jdraft"')),
        ),
      /`\\e\[2Jdraft` is no name/,
    ],
    [
      "an event as long as a book",
      (copy) => sealed([...copy.slice(0, 3), `${(copy[3] ?? "").slice(0, -1)},"x":"${"y".repeat(2 << 20)}"}`, ...copy.slice(4)]),
      /longer than 1048576|an event is longer/,
    ],
    [
      "rows for events that are not there",
      (copy) => sealed(copy.map((l) => l.replace('"from":0', '"from":9000'))),
      /rows name an event 9000/,
    ],
    [
      "runs that have nothing to do with each other",
      (copy) =>
        sealed([...copy.slice(0, 4), (copy[0] ?? "").replaceAll(/trace:[0-9a-f]{8}/g, "trace:00000000"), ...copy.slice(4)]),
      /mixes/,
    ],
  ])("%s", async (_, change, says) => {
    const other = await changed(change);
    await expect(readTrace(other)).rejects.toMatchObject({
      code: "TRACE_DAMAGED",
      exit: 4,
      message: expect.stringMatching(says),
      place: { file: other },
    });
  });

  test("a seal that was made anew keeps the file whole and loses the signature", async () => {
    const other = await changed((copy) => sealed(copy.filter((line) => !line.startsWith('{"agent"'))));
    await expect(verifyTrace(other, folder, publicKey)).rejects.toMatchObject({ code: "TRACE_UNSIGNED", exit: 4 });
  });

  test("a signature for another seal, or by a key that is none, is damage", async () => {
    for (const change of [
      (last: string) => last.replace(/("signature":")[^"]{8}/, "$1AAAAAAAA"),
      (last: string) => last.replace(/("key":")[^"]+/, `$1${Buffer.alloc(32).toString("base64")}`),
    ]) {
      const outcome = await empty.rlp(
        "trace",
        "verify",
        await changed((copy) => [...copy.slice(0, -1), change(copy.at(-1) ?? "")]),
      );
      expect([outcome.code, outcome.stderr]).toEqual([4, expect.stringContaining("signature is not for this file")]);
    }
  });
});

describe("whatever happens to the file", () => {
  const refused = async (bytes: Uint8Array): Promise<void> => {
    const other = join(folder, "changed.ndjson");
    await writeFile(other, bytes);
    await expect(verifyTrace(other, folder, publicKey)).rejects.toMatchObject({
      family: expect.stringMatching(/^(?:trace|usage)$/),
    });
  };

  test("every bit counts", async () => {
    const bytes = await readFile(file);
    await assert(
      asyncProperty(nat(bytes.length - 2), nat(7), async (at, bit) => {
        const copy = Buffer.from(bytes);
        copy[at] = (copy[at] ?? 0) ^ (1 << bit);
        await refused(copy);
      }),
      { numRuns: 60 },
    );
  });

  test("and so does its end", async () => {
    const bytes = await readFile(file);
    const most = bytes.length - 2; // without its last line feed it is still the same file
    await assert(
      asyncProperty(nat(most), async (length) => refused(bytes.subarray(0, length))),
      { numRuns: 40 },
    );
  });
});

test("an agent that was built anew is not passed off as the one that ran", async () => {
  const other = await changed((copy) =>
    sealed(
      copy
        .filter((line) => !line.startsWith('{"rows"'))
        .map((line, index) => (index === 0 ? line.replaceAll(/("writer":")[0-9a-f]{8}/g, "$1deadbeef") : line)),
    ),
  );
  const outcome = await empty.rlp("replay", other);
  expect([outcome.code, outcome.stderr]).toEqual([4, expect.stringContaining("REPLAY_MISMATCH")]);
});
