/** What every bundle of the project must hold to. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { Validator } from "@cfworker/json-schema";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { bundledAgents } from "#sdk/build/bundles.js";
import { projectRoot } from "#sdk/build/layout.js";
import { buildCached } from "#sdk/build/source.js";
import { namedFiles } from "#sdk/build/stamp.js";

interface Manifest {
  readonly agent: { readonly name: string; readonly version: string; readonly description: string; readonly world: string };
  readonly ports: Readonly<Record<"in" | "out", Readonly<Record<string, { readonly type: string }>> | undefined>>;
  readonly schemas?: { readonly with?: object };
}

const types = readdirSync(join(projectRoot, "sdk", "types")).map((name) => name.replace(/\.json$/, ""));
const builtIn = ["any", "bool.v1", "json.v1", "node.error.v1", "number.v1", "text.v1"];
const bundles = bundledAgents().map((folder) => [relative(projectRoot, folder), folder] as const);

test("the five canonical agents are there, and those of the examples", () => {
  expect(bundles.map(([name]) => name.replaceAll("\\", "/"))).toEqual([
    ...["contact_resolver", "context_gatherer", "critic", "mailer", "writer"].map((name) => `agents/${name}`),
    ...["fetcher", "flaky", "folder_report", "greeter", "planner", "snoop", "summarizer", "tally"].map(
      (name) => `examples/agents/${name}`,
    ),
  ]);
});

test.each(bundles)(
  "%s: the source gives the component that the manifest names, and every other digest agrees",
  async (_, folder) => {
    const file = join(folder, "manifest.toml");
    const named = namedFiles(readFileSync(file, "utf8"), file);
    const { digest } = await buildCached({ folder });
    for (const { path, digest: written } of named)
      expect(written, path).toBe(path === "agent.wasm" ? digest : blake3(readFileSync(join(folder, path))));
    expect(named.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["agent.wasm", "policy.caps", expect.stringMatching(/^src\/agent\.(js|ts)$/)]),
    );
  },
);

test.each(bundles)("%s: name, text, ports and `with` are as the contract has them", (_, folder) => {
  const { agent, ports, schemas } = parse(readFileSync(join(folder, "manifest.toml"), "utf8")) as unknown as Manifest;
  expect(agent.name).toBe(basename(folder));
  expect(agent.name).toMatch(/^[a-z][a-z0-9_]*$/);
  expect(agent).toMatchObject({
    world: ["folder_report", "tally"].includes(agent.name) ? "command" : "agent",
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    description: expect.stringMatching(/\.$|,/),
  });
  for (const { type } of Object.values({ ...ports.in, ...ports.out })) expect([...types, ...builtIn]).toContain(type);
  expect(() => new Validator((schemas?.with ?? {}) as never, "2020-12").validate({})).not.toThrow();
  expect(existsSync(join(folder, "README.md"))).toBe(true);
});

/** Interface → the key of `policy.caps` that links it; the others need no grant. */
const caps: Record<string, string> = {
  kb: "kb_read",
  model: "model",
  http: "net",
  actions: "actions",
  clock: "time",
  random: "random",
};

test.each(bundles)(
  "%s: its policy grants what the component imports, no less (snoop: less) and no more",
  async (name, folder) => {
    const wit = await componentWit((await buildCached({ folder })).component);
    const imports = [...wit.matchAll(/import runloop:agent\/([a-z]+)@/g)].map((match) => match[1]!);
    const needed = imports.flatMap((each) => caps[each] ?? []).toSorted();
    const policy = parse(readFileSync(join(folder, "policy.caps"), "utf8"));
    // A secret is no interface of its own: it goes along with a request.
    const granted = Object.keys(policy)
      .filter((cap) => cap !== "secrets" || !("net" in policy))
      // Directories link nothing: they are what WASI's file system, which is there for everybody, has in it.
      .filter((cap) => !cap.startsWith("fs_"))
      .toSorted();
    expect(granted).toEqual(name.endsWith("snoop") ? [] : needed);
    if (Object.keys(policy).some((cap) => cap.startsWith("fs_"))) expect(wit).toContain("import wasi:filesystem/preopens@");
    if (name.endsWith("snoop")) expect(needed).toEqual(["kb_read"]);
  },
);

test("nothing of the examples is in the agents' code", () => {
  const people = readFileSync(join(projectRoot, "examples", "data", "contacts.ndjson"), "utf8")
    .trim()
    .split("\n");
  expect(people.length).toBeGreaterThanOrEqual(6);
  for (const [, folder] of bundles)
    for (const entry of readdirSync(join(folder, "src"))) {
      const source = readFileSync(join(folder, "src", entry), "utf8");
      for (const person of people) {
        const { name, email } = JSON.parse(person) as { name: string; email: string };
        expect(source).not.toContain(email);
        expect(source).not.toMatch(new RegExp(`\\b${name.split(" ")[0]}\\b`, "i"));
      }
      expect(source).not.toMatch(/\bq4\b/i);
    }
});

test("every port type of the registry is a schema of the dialect that the contract names", () => {
  for (const type of types) {
    const schema = JSON.parse(readFileSync(join(projectRoot, "sdk", "types", `${type}.json`), "utf8")) as Record<string, unknown>;
    expect(type).toMatch(/^[a-z]+(\.[a-z]+)*\.v\d+$/);
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: type,
      description: expect.any(String),
    });
    expect(() => new Validator(schema, "2020-12").validate(null)).not.toThrow();
  }
});
