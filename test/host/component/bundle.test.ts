import { execFileSync } from "node:child_process";
import { limitsOf } from "#host/limits/effective.js";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { readBundle } from "#host/component/bundle.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "rlp-bundle-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const WASM = "not really a component";
const POLICY = 'kb_read = ["notes"]\n';
const SCHEMA = '{"type": "object"}';
const TOOLS = '[{"id": "grep"}]';

interface Parts {
  readonly manifest?: (text: string) => string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A bundle that is right in every way but what a test changes. */
function write({ manifest = (text) => text, files = {} }: Parts = {}): string {
  const bundle = join(dir, "writer");
  const all: Record<string, string> = {
    "agent.wasm": WASM,
    "policy.caps": POLICY,
    "schemas/report.v1.json": SCHEMA,
    "tools.json": TOOLS,
    "README.md": "# writer",
    ...files,
    "manifest.toml": manifest(`[agent]
name = "writer"
version = "0.1.0"
description = "Writes."
world = "agent"
entry = { path = "agent.wasm", blake3 = "${blake3(WASM)}" }

[ports.in.recipients]
type = ["contact.list.v1", "text.v1"]
required = true
description = "Whom it goes to."
[ports.in.context]
type = "any"
[ports.out.out]
type = "report.v1"

[schemas.with]
type = "object"

[imports]
optional = ["http"]

[caps]
file = "policy.caps"
blake3 = "${blake3(POLICY)}"

[artifacts.schema]
path = "schemas/report.v1.json"
blake3 = "${blake3(SCHEMA)}"
[artifacts.tools]
path = "tools.json"
blake3 = "${blake3(TOOLS)}"

[limits]
memory_mib = 32
fuel = 1_000_000
`),
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(bundle, name)), { recursive: true });
    writeFileSync(join(bundle, name), text);
  }
  return bundle;
}

test("a bundle gives the agent's face, its component and its other files", async () => {
  const bundle = await readBundle(write());
  expect(bundle.face).toEqual({
    name: "writer",
    version: "0.1.0",
    description: "Writes.",
    digest: blake3(WASM),
    inputs: {
      recipients: { types: ["contact.list.v1", "text.v1"], required: true, description: "Whom it goes to." },
      context: { types: ["any"], required: false },
    },
    outputs: { out: { types: ["report.v1"], required: false } },
    withSchema: { type: "object" },
    grant: expect.objectContaining({ kb_read: ["notes"], model: false }),
    optionalImports: ["http"],
    limits: { ...limitsOf({}), memory_mib: 32, fuel: 1_000_000 },
    schemas: { "report.v1": { type: "object" } },
    tools: [{ id: "grep", description: "", inputSchema: null }],
  });
  expect(Buffer.from(await bundle.component.read()).toString()).toBe(WASM);
  expect([...bundle.artifacts.keys()]).toEqual(["schema", "tools"]);
});

test.each(["agent.wasm", "policy.caps", "schemas/report.v1.json", "tools.json"])(
  "a changed %s is refused with both digests",
  async (name) => {
    const bundle = write({ files: { [name]: "changed" } });
    const error = await readBundle(bundle).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ADMIT_DIGEST", place: { file: join(bundle, name) } });
    expect((error as Error).message).toContain(blake3("changed"));
  },
);

test("a component that is changed after its bundle was read is refused to whoever reads it then", async () => {
  const folder = write();
  const { component } = await readBundle(folder);
  writeFileSync(join(folder, "agent.wasm"), "changed");
  await expect(component.read()).rejects.toMatchObject({ code: "ADMIT_DIGEST", place: { file: join(folder, "agent.wasm") } });
});

test.each(["agent.wasm", "policy.caps", "tools.json", "manifest.toml"])("a missing %s is refused with its path", async (name) => {
  const bundle = write();
  rmSync(join(bundle, name));
  await expect(readBundle(bundle)).rejects.toMatchObject({ code: "ADMIT_UNREADABLE", place: { file: join(bundle, name) } });
});

test.each<[string, (text: string) => string, RegExp, string | undefined]>([
  [
    "an unknown key",
    (text) => text.replace("memory_mib", "memory_mb"),
    /unknown key `limits\.memory_mb`/,
    "did you mean `memory_mib`?",
  ],
  ["an unknown table", (text) => text.replace("[limits]", "[limit]"), /unknown key `limit`/, "did you mean `limits`?"],
  ["a key of a port", (text) => text.replace("required = true", "requird = true"), /unknown key/, "did you mean `required`?"],
  ["a name with capitals", (text) => text.replace('"writer"', '"Writer"'), /`agent\.name`/, undefined],
  ["a port's name", (text) => text.replace("[ports.in.context]", "[ports.in.Con-text]"), /port's name/, undefined],
  ["a type that is none", (text) => text.replace('"any"', '"text"'), /must be a type such as/, undefined],
  [
    "an output of several types",
    (text) => text.replace('type = "report.v1"', 'type = ["report.v1"]'),
    /ports\.out\.out\.type/,
    undefined,
  ],
  ["a digest that is none", (text) => text.replace(/blake3 = "[0-9a-f]+"/, 'blake3 = "…"'), /BLAKE3/, undefined],
  ["no policy", (text) => text.replace("[caps]", "[artifacts.other]").replace("file = ", "path = "), /caps/, undefined],
  ["a limit beyond the host's", (text) => text.replace("memory_mib = 32", "memory_mib = 100000"), /memory_mib/, undefined],
  ["a world that is none", (text) => text.replace('world = "agent"', 'world = "library"'), /agent\.world/, undefined],
  ["no TOML", (text) => `${text}\n[`, /./, undefined],
])("a manifest with %s is refused", async (_, manifest, message, hint) => {
  const bundle = write({ manifest });
  const error = await readBundle(bundle).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "ADMIT_BUNDLE", place: { file: join(bundle, "manifest.toml") } });
  expect((error as Error).message).toMatch(message);
  if (hint !== undefined) expect(error).toMatchObject({ hint });
});

test.each(["../secret", "/etc/passwd", "a/../../secret", "./agent.wasm", "schemas//x", "C:/x", "a\\\\b", "agent.wasm/"])(
  "the path %s is refused",
  async (path) => {
    writeFileSync(join(dir, "secret"), WASM);
    const bundle = write({ manifest: (text) => text.replace('path = "agent.wasm"', `path = "${path}"`) });
    await expect(readBundle(bundle)).rejects.toMatchObject({
      code: "ADMIT_BUNDLE",
      message: expect.stringContaining("inside the bundle"),
    });
  },
);

test.skipIf(process.platform === "win32")("what is no regular file is refused and not waited for", async () => {
  for (const make of [(path: string) => mkdirSync(path), (path: string) => execFileSync("mkfifo", [path])]) {
    const bundle = write();
    rmSync(join(bundle, "agent.wasm"));
    make(join(bundle, "agent.wasm"));
    await expect(readBundle(bundle)).rejects.toMatchObject({ code: "ADMIT_UNREADABLE", message: "it is not a regular file" });
    rmSync(bundle, { recursive: true });
  }
});

test("links are refused: of a file, of a folder on the way, of the manifest", async () => {
  for (const name of ["agent.wasm", "manifest.toml", "schemas"]) {
    const bundle = write();
    renameSync(join(bundle, name), join(dir, "elsewhere"));
    symlinkSync(join(dir, "elsewhere"), join(bundle, name));
    await expect(readBundle(bundle), name).rejects.toMatchObject({ code: "ADMIT_BUNDLE", message: "a bundle may hold no links" });
    rmSync(bundle, { recursive: true });
    rmSync(join(dir, "elsewhere"), { recursive: true });
  }
});

test("a schema that the manifest does not name is not taken, nor is one that is none", async () => {
  await expect(readBundle(write({ files: { "schemas/stray.v1.json": "{}" } }))).rejects.toMatchObject({
    code: "ADMIT_BUNDLE",
    message: expect.stringContaining("stray"),
  });
  rmSync(join(dir, "writer"), { recursive: true });
  const bad = "[1]";
  const bundle = write({
    files: { "schemas/report.v1.json": bad },
    manifest: (text) => text.replace(blake3(SCHEMA), blake3(bad)),
  });
  await expect(readBundle(bundle)).rejects.toMatchObject({ code: "ADMIT_BUNDLE", message: expect.stringContaining("no object") });
});

test("the folder itself may be reached through a link, and a bundle may be copied", async () => {
  const bundle = write();
  symlinkSync(bundle, join(dir, "link"));
  cpSync(bundle, join(dir, "copy"), { recursive: true });
  for (const name of ["link", "copy"]) expect((await readBundle(join(dir, name))).face.name).toBe("writer");
});
