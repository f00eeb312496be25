import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { afterAll, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { buildBundles, type BundleReport } from "#sdk/build/bundles.js";
import { namedFiles, stampBundle } from "#sdk/build/stamp.js";

const root = mkdtempSync(join(tmpdir(), "rlp-stamp-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

const MANIFEST = `# A comment that stays.
[agent]
name = "sample"            # so does this one
entry = { path = "agent.wasm", blake3 = "" }

[ports.out.out]
type = "text.v1"

[caps]
file = "policy.caps"

[artifacts.tools]
blake3 = 'old'
path = "tools.json"

[limits]
fuel = 2_000_000_000
`;

function bundle(files: Record<string, string>): string {
  const folder = join(root, `bundle-${count++}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
const whole = { "manifest.toml": MANIFEST, "agent.wasm": "\0asm", "policy.caps": "model = true\n", "tools.json": "{}" };
const manifestOf = (folder: string): string => readFileSync(join(folder, "manifest.toml"), "utf8");

test("each file that the manifest names gets its digest, and nothing else of the manifest changes", () => {
  const folder = bundle(whole);
  expect(stampBundle(folder).map(({ path }) => path)).toEqual(["agent.wasm", "policy.caps", "tools.json"]);
  expect(manifestOf(folder)).toBe(
    MANIFEST.replace('"agent.wasm", blake3 = ""', `"agent.wasm", blake3 = "${blake3("\0asm")}"`)
      .replace('file = "policy.caps"\n', `file = "policy.caps"\nblake3 = "${blake3("model = true\n")}"\n`)
      .replace("'old'", `"${blake3("{}")}"`),
  );
});

test("a second stamp changes nothing, a changed file changes its own digest alone", () => {
  const folder = bundle(whole);
  stampBundle(folder);
  const before = manifestOf(folder);
  expect(stampBundle(folder)).toEqual([]);
  expect(manifestOf(folder)).toBe(before);
  writeFileSync(join(folder, "policy.caps"), "model = false\n");
  expect(stampBundle(folder).map(({ path }) => path)).toEqual(["policy.caps"]);
  expect(manifestOf(folder)).toBe(before.replace(blake3("model = true\n"), blake3("model = false\n")));
});

test("schemas, tools and source that nobody named are added, in order, once", () => {
  const folder = bundle({
    "manifest.toml": '[agent]\nname = "x"\nentry = {path="agent.wasm"}\n[caps]\nfile = "policy.caps"',
    "agent.wasm": "w",
    "policy.caps": "",
    "tools.json": "{}",
    "schemas/b.v1.json": "{}",
    "schemas/a.v1.json": "[]",
    "src/agent.ts": "a",
    "src/deep/x.ts": "x",
    "README.md": "free to change",
  });
  stampBundle(folder);
  const named = namedFiles(manifestOf(folder), "manifest.toml");
  expect(named.map(({ path }) => path)).toEqual([
    "agent.wasm",
    "policy.caps",
    "tools.json",
    "schemas/a.v1.json",
    "schemas/b.v1.json",
    "src/agent.ts",
    "src/deep/x.ts",
  ]);
  for (const { path, digest } of named) expect(digest).toBe(blake3(readFileSync(join(folder, path))));
  expect(stampBundle(folder)).toEqual([]);
});

test("a file that is named and missing, a manifest that is no TOML: refused with the place", () => {
  const { "tools.json": _, ...less } = whole;
  expect(() => stampBundle(bundle(less))).toThrow("the manifest names `tools.json`, which is not there");
  expect(() => stampBundle(bundle({ ...whole, "manifest.toml": "[agent\n" }))).toThrow(
    expect.objectContaining({ code: "BUILD_BUNDLE", place: expect.objectContaining({ line: 1 }) }),
  );
});

test("a layout that no digest can be written into is refused, not half written", () => {
  const text = '[agent.entry]\npath = "agent.wasm"\n[caps]\nfile = "policy.caps"\n';
  const folder = bundle({ ...whole, "manifest.toml": text });
  expect(() => stampBundle(folder)).toThrow("no digest can be written for `agent.wasm`");
  expect(manifestOf(folder)).toBe(text);
});

const SOURCE =
  'import { Invocation, ok, Outcome } from "runloop";\nexport function agent(call: Invocation): Outcome {\n  return ok();\n}\n';

test("a bundle is built when missing, left alone when fresh, and held to its manifest", async () => {
  const manifest = '[agent]\nname = "x"\nentry = { path = "agent.wasm", blake3 = "" }\n';
  const folder = bundle({ "manifest.toml": manifest, "src/agent.ts": SOURCE });
  const build = async (stamp = false): Promise<BundleReport["outcome"]> =>
    (await buildBundles([folder], { stamp, root }))[0]!.outcome;
  const component = join(folder, "agent.wasm");

  await expect(build()).rejects.toMatchObject({ code: "BUILD_DIGEST" });
  expect(existsSync(component)).toBe(false);

  expect(await build(true)).toBe("stamped");
  const digest = blake3(readFileSync(component));
  expect((parse(manifestOf(folder)) as { agent: { entry: { blake3: string } } }).agent.entry.blake3).toBe(digest);

  expect(await build()).toBe("fresh");
  rmSync(component);
  expect(await build()).toBe("built");
  expect(blake3(readFileSync(component))).toBe(digest);
  writeFileSync(component, "swapped");
  expect(await build()).toBe("built");
  expect(blake3(readFileSync(component))).toBe(digest);

  // Another source than the one whose digest the manifest has: said so, and the old component stays what it was.
  writeFileSync(join(folder, "src", "agent.ts"), SOURCE.replace("ok()", 'ok().send("out", "text.v1", "changed")'));
  await expect(build()).rejects.toMatchObject({
    code: "BUILD_DIGEST",
    message: expect.stringContaining(`the manifest names the component ${digest}, the source gives `),
    hint: expect.stringContaining("--stamp"),
  });
  expect(blake3(readFileSync(component))).toBe(digest);
});
