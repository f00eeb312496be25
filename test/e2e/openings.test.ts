import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { events, example, homeWithSamples, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-openings-"));
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

test("summarize_logs: two gatherers feed one writer, in the order of the file", async () => {
  const run = await home.rlp("run", example("summarize_logs.yaml"), "--local", "--json", "--yes");
  expect(run.stderr).not.toContain("error");
  expect(run.code).toBe(0);
  const all = events(run.stdout);
  const gathered = only(all, "edge.delivered").map((event) => event.meta.to);
  expect(new Set(gathered).size).toBeLessThan(gathered.length); // two edges into one port
});

test("retry: the failed attempts are retried with a pause from the seed, and the run is ok", async () => {
  const once = async () =>
    events((await home.rlp("run", example("retry.yaml"), "--local", "--json", "--seed", "3", "--epoch", "0")).stdout);
  const [a, b] = [await once(), await once()];
  const pauses = (all: typeof a) => only(all, "node.retrying").map((event) => event.meta.backoff_ms);
  expect(pauses(a).length).toBeGreaterThan(0);
  expect(pauses(a)).toEqual(pauses(b));
  expect(only(a, "run.finished")[0]?.meta.status).toBe("ok");
});

test("a component that imports what its policy does not grant is refused before the run, with both named", async () => {
  const run = await home.rlp("run", example("refused_capability.yaml"), "--local", "--json");
  expect(run.code).toBe(2);
  expect(run.stdout).toBe("");
  expect(run.stderr).toMatch(/runloop:agent\/\w+/);
  expect(run.stderr).toMatch(/kb_read|model|actions|time|random/);
});

const WRONG = `version: 0
name: wrong
nodes:
  - id: a
    use: agent:contact_resolvr
    retires: { max_attempts: 2 }
  - id: b
    use: agent:writer
    with: { topic: "{{params.nothing}}" }
  - id: b
    use: agent:critic
edges:
  - { from: a.out, to: b.recipient }
  - { from: "c.out>>3", to: b.recipients }
`;

test("a wrong opening gives all its errors at once, each with line, column, caret and a way out", async () => {
  const file = join(folder, "wrong.yaml");
  await writeFile(file, WRONG);
  const check = await home.rlp("check", file);
  expect(check.code).toBe(2);
  const said = check.stderr + check.stdout;
  expect(said.match(/error\[/g)?.length).toBeGreaterThanOrEqual(5);
  expect(said).toContain("did you mean `retry`");
  expect(said).toContain("did you mean `contact_resolver`");
  expect(said).toMatch(/wrong\.yaml:6:5/);
  expect(said).toContain("^");
});

const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghij"
  .split("")
  .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(",")}]`)
  .join("\n")}\n`;

test.each<[string, string | Buffer | null]>([
  ["an empty file", ""],
  ["a binary file", Buffer.from([0, 1, 2, 255, 254, 0x61, 0])],
  ["an alias bomb", bomb],
  ["two documents", "version: 0\n---\nversion: 0\n"],
  ["a list", "- 1\n- 2\n"],
  ["a directory", null],
])("%s is one clear error, exit 2, no stack", async (name, content) => {
  const file = join(folder, name.replaceAll(" ", "_"));
  if (content === null) await mkdir(file);
  else await writeFile(file, content);
  for (const words of [
    ["check", file],
    ["run", file, "--local", "--json"],
  ]) {
    const outcome = await home.rlp(...words);
    expect(outcome.code).toBe(2);
    if (words.includes("--json")) expect(JSON.parse(outcome.stderr)).toMatchObject({ code: expect.any(String), place: { file } });
    else expect(outcome.stderr).toContain("error[");
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  }
});

test("a missing file, a missing agent and a bad parameter are usage errors", async () => {
  expect((await home.rlp("run", join(folder, "nowhere.yaml"), "--local")).code).toBe(2);
  expect((await home.rlp("run", example("compose_email.yaml"), "--local", "--params", "{oops")).code).toBe(2);
  expect((await home.rlp("run", example("compose_email.yaml"), "--local", "--seed", "-1")).code).toBe(2);
  expect((await home.rlp("run", example("compose_email.yaml"))).code).toBe(2);
});
