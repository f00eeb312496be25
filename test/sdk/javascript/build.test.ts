import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, describe, expect, test } from "vitest";
import { buildAgent } from "#sdk/build/agent.js";
import { BuildError } from "#sdk/build/errors.js";
import { readAuthor } from "#sdk/build/javascript/author.js";
import { bundleScript } from "#sdk/build/javascript/bundle.js";
import { languageOf } from "#sdk/build/language.js";
import { readTree } from "#sdk/build/layout.js";
import { load, on } from "../guest.js";

const root = mkdtempSync(join(tmpdir(), "rlp-script-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const MANIFEST =
  '[agent]\nname = "x"\nentry = { path = "agent.wasm", blake3 = "" }\n[ports.out.out]\ntype = ["text.v1", "json.v1"]\n[ports.out.free]\ntype = "any"\n';
const AGENT = "export default () => ({ out: text });\n";

let count = 0;
function bundle(files: Record<string, string>, policy = "", name = `bundle-${count++}`): string {
  const folder = join(root, name);
  for (const [path, text] of Object.entries({ "manifest.toml": MANIFEST, "policy.caps": policy, ...files })) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function refusal(build: () => Promise<unknown>): Promise<BuildError> {
  try {
    await build();
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
  throw new Error("it was built");
}

/** Only the first step, which is where all refusals of source are. */
const bundled = (folder: string) =>
  bundleScript(
    new Map([".js", ".ts", ".json"].flatMap((ending) => [...readTree(join(folder, "src"), ending)])),
    folder,
    readAuthor(folder),
  );

describe("refused, with file, line and column", () => {
  const outside = join(root, "outside.js");
  writeFileSync(outside, "export const text = 'stolen';");
  test.each([
    ["a syntax error", { "src/agent.js": "export default () => {\n  const é = ;\n};" }, "agent.js", 2, 13, /Unexpected ";"/],
    ["TypeScript in JavaScript", { "src/agent.js": "export default (x: number) => x;" }, "agent.js", 1, 18, /Expected/],
    [
      "a file above src",
      { "src/agent.js": `import { text } from "../../outside.js";\n${AGENT}` },
      "agent.js",
      1,
      22,
      /leaves the bundle's src folder/,
    ],
    [
      "a file above src from a folder in it",
      { "src/agent.js": 'import "./a/b.js";', "src/a/b.js": 'import "../../c.js"' },
      "a/b.js",
      1,
      8,
      /leaves the bundle's src/,
    ],
    [
      "an absolute path",
      { "src/agent.js": `import { text } from ${JSON.stringify(outside)};\n${AGENT}` },
      "agent.js",
      1,
      22,
      /outside of the bundle/,
    ],
    ["a file URL", { "src/agent.js": 'import "file:///etc/passwd"' }, "agent.js", 1, 8, /neither Node nor a network/],
    ["a web address", { "src/agent.js": 'import "https://example.com/x.js"' }, "agent.js", 1, 8, /neither Node nor a network/],
    ["Node's own", { "src/agent.js": 'import "node:fs"' }, "agent.js", 1, 8, /neither Node nor a network/],
    ["Node's own by its old name", { "src/agent.js": 'import "fs"' }, "agent.js", 1, 8, /`fs` is a part of Node/],
    ["a file that is not there", { "src/agent.js": 'import "./nowhere.js"' }, "agent.js", 1, 8, /there is no `\.\/nowhere\.js`/],
    [
      "a name that the SDK does not have",
      { "src/agent.js": 'import { nothing } from "runloop";\nexport default nothing;' },
      "agent.js",
      1,
      10,
      /nothing/,
    ],
    ["the SDK's inner parts", { "src/agent.js": 'import "runloop/errors"' }, "agent.js", 1, 8, /node_modules/],
    ["a loader in the name", { "src/agent.js": 'import "./x.js?raw"' }, "agent.js", 1, 8, /there is no/],
  ])("%s", async (_, files, file, line, column, says) => {
    const error = await refusal(() => bundled(bundle(files as unknown as Record<string, string>)));
    expect(error.code).toBe("BUILD_COMPILE");
    expect(error.message).toMatch(says);
    expect(error.place).toEqual({ file, line, column });
  });

  test("a link is not followed: a file, a folder, a package", async () => {
    const folder = bundle({
      "src/agent.js": 'import { text } from "./linked.js";\nimport "./folder/outside.js";\nimport "stolen";',
    });
    symlinkSync(outside, join(folder, "src", "linked.js"));
    symlinkSync(root, join(folder, "src", "folder"));
    mkdirSync(join(folder, "node_modules"));
    mkdirSync(join(root, "package"));
    writeFileSync(join(root, "package", "index.js"), "export {}");
    symlinkSync(join(root, "package"), join(folder, "node_modules", "stolen"));
    const { issues } = await refusal(() => bundled(folder));
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringMatching(/no `\.\/linked\.js`/),
      expect.stringMatching(/no `\.\/folder\/outside\.js`/),
      expect.stringMatching(/outside of the bundle's node_modules|Could not resolve/),
    ]);
  });

  test("all mistakes at once, and the file as it can be opened", async () => {
    const folder = bundle({ "src/agent.js": 'import "./a.js";\nimport "./b.js";' });
    const error = await refusal(() => buildAgent({ folder }));
    expect(error.issues).toHaveLength(2);
    expect(error.place?.file).toBe(join(folder, "src", "agent.js"));
  });
});

describe("top-level code runs at build time", () => {
  test.each([
    ["throws", "const a = 1;\nthrow new Error('top');", 2, /top/],
    ["fetches", "const a = 1;\nawait fetch('https://example.com/');", 2, /top-level code runs once, while the agent is built/],
    ["asks the time", "\n\nexport const now = Date.now();", 3, /top-level code runs once/],
  ])("one that %s is refused, with its place", async (_, text, line, says) => {
    const folder = bundle(
      { "src/agent.js": `${text}\nexport default () => ({});` },
      'time = true\nrandom = true\nnet = ["example.com"]\n',
    );
    const error = await refusal(() => buildAgent({ folder }));
    expect([error.code, error.message]).toEqual(["BUILD_RUN", expect.stringMatching(says)]);
    expect(error.place).toMatchObject({ file: join(folder, "src", "agent.js"), line });
  });

  test("one that waits for nothing is refused", async () => {
    const folder = bundle({ "src/agent.js": "await new Promise(() => {});\nexport default () => ({});" });
    expect((await refusal(() => buildAgent({ folder }))).message).toMatch(/waits for a promise that nothing will settle/);
  });

  test("no default export", async () => {
    const error = await refusal(() => buildAgent({ folder: bundle({ "src/agent.js": "export function agent() {}" }) }));
    expect([error.code, error.message]).toEqual(["BUILD_RUN", expect.stringMatching(/no default export/)]);
  });
});

test("the world holds what is used and granted, and no more", async () => {
  const interfacesOf = async (source: string, policy = ""): Promise<readonly string[]> =>
    (await bundled(bundle({ "src/agent.js": source }, policy))).interfaces;
  expect(await interfacesOf("export default () => ({});")).toEqual(["log"]);
  expect(await interfacesOf('import * as all from "runloop"; export default () => all.kb.search("x");')).toEqual(["kb", "log"]);
  expect(await interfacesOf('import { kb, model } from "runloop"; export default () => kb.get("x");')).toEqual(["kb", "log"]);
  expect(await interfacesOf("export default () => fetch('https://a/');")).toEqual(["log"]);
  expect(await interfacesOf("export default () => ({});", 'net = ["a"]\ntime = true\nrandom = true\n')).toEqual([
    "clock",
    "http",
    "log",
    "random",
  ]);
});

const FILES = {
  "src/agent.ts": `import { three } from "./deep/cycle.js";
import data from "./data.json";
import { shout } from "loud";
interface Call { readonly with: { name?: string } }
const top: number = three();
export default async function agent(call: Call): Promise<object> {
  try { new Date(); } catch (error) { return { out: [shout(call.with.name ?? "nobody"), top, data.x, (error as Error).message].join("|"), free: 1 }; }
  return {};
}
`,
  "src/deep/cycle.ts":
    'import { one } from "./other.js";\nexport const two = () => one() + 1;\nexport const three = () => two() + 1;\n',
  "src/deep/other.ts": 'import { two } from "./cycle.js";\nexport const one = () => (two ? 1 : 0);\n',
  "src/data.json": '{"x": "data"}',
  "src/types.d.ts": "declare const unused: number;",
  "node_modules/loud/package.json": '{"name": "loud", "main": "lib/index.js", "version": "1.0.0"}',
  "node_modules/loud/lib/index.js": 'module.exports = { shout: (text) => require("./up").up(text) };',
  "node_modules/loud/lib/up.js": 'exports.up = (text) => text.toUpperCase() + "!";',
};

test("TypeScript, cycles, data, a package: the same bytes wherever it stands and whatever its line ends; it runs", async () => {
  const crlf = Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name, text.replaceAll("\n", "\r\n")]));
  const first = await buildAgent({ folder: bundle(FILES, "", "here") });
  const second = await buildAgent({ folder: bundle(crlf, "", "another folder/with spaces") });
  expect(second.digest).toBe(first.digest);
  expect(Buffer.from(first.component).includes(root)).toBe(false);
  const wit = await componentWit(first.component);
  expect([...wit.matchAll(/import (\S+);/g)].map((match) => match[1])).toEqual([
    "runloop:agent/log@0.1.0",
    "runloop:agent/types@0.1.0",
  ]);
  expect([...wit.matchAll(/export (\S+):/g)].map((match) => match[1])).toEqual(["run"]);
  const outcome = await (await load(first.component)).run({ with: { name: "ada" } });
  expect(on(outcome, "out")).toBe("ADA!|3|data|the time needs `time = true` in policy.caps, and the agent to be built again");
  expect(outcome).toMatchObject({
    outputs: [
      { port: "out", type: "text.v1" },
      { port: "free", type: "json.v1" },
    ],
  });
});

test("top-level await works where nothing has to be waited for", async () => {
  const folder = bundle({
    "src/agent.js": "const text = await Promise.resolve('ready');\nexport default () => ({ out: text });",
  });
  expect(on(await (await load((await buildAgent({ folder })).component)).run({}), "out")).toBe("ready");
});

test("the agent in the guide is one", async () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guides/writing-agents.md"), "utf8");
  const source = /```js\n([\s\S]+?)```/.exec(guide)?.[1] ?? "";
  expect((await bundled(bundle({ "src/agent.js": source }))).interfaces).toEqual(["kb", "log"]);
});

test("which language a bundle is in", () => {
  expect(languageOf(bundle({ "src/agent.js": "" }))).toBe("javascript");
  expect(languageOf(bundle({ "src/agent.ts": "// export default\nexport function agent() {}" }))).toBe("assemblyscript");
  expect(languageOf(bundle({ "src/agent.ts": "export default () => ({})" }))).toBe("javascript");
  expect(languageOf(bundle({ "Cargo.toml": "" }))).toBe("rust");
  for (const files of [{}, { "src/agent.js": "", "Cargo.toml": "" }])
    expect(() => languageOf(bundle(files as Record<string, string>))).toThrow(BuildError);
});
