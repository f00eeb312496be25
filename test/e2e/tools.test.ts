/** An agent that uses commands of this machine, as far as whoever runs rlp offers them. */
import { mkdirSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { writeAgent } from "./bundle.js";
import { events, freshHome, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let place: string;
beforeAll(async () => {
  home = await freshHome();
  folder = await mkdtemp(join(tmpdir(), "rlp-tooled-"));
  place = join(folder, "place");
  mkdirSync(place);
  writeFileSync(join(place, "note.txt"), "one\ntwo\nthree\n");
  offer();
  const schema = { type: "object", properties: { file: { type: "string" }, count: { type: "integer" } }, required: ["file"] };
  await writeAgent(folder, {
    name: "user",
    policy: 'tools = ["first_lines", "make", "slow", "absent"]\n',
    tools: JSON.stringify([
      { id: "first_lines", description: "The first lines of a file.", input_schema: schema },
      ...["make", "slow", "absent", "ungranted"].map((id) => ({ id })),
    ]),
    code: `if (mode == "list") {
        const listed = tools.list();
        if (!listed.ok) return failed(listed.error, "listing");
        return ok().send("out", "json.v1", listed.value);
      }
      const called = tools.call(call.options.getString("tool"), call.options.get("args"));
      return ok().send("out", "json.v1", called.ok ? called.value : json().set("code", called.error.code).set("message", called.error.message));`,
    ports: '[ports.out.out]\ntype = "json.v1"\n[schemas.with]\ntype = "object"\n',
    limits: "wall_ms = 60_000",
  });
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

function offer(more = ""): void {
  writeFileSync(
    join(home.path, "config.yaml"),
    `tools:
  commands:
    - id: first_lines
      description: Lines of a file.
      command: [head, -n, "{count}", --, "{file}"]
      arguments: { count: { type: integer, minimum: 1, maximum: 10, default: 2 }, file: { type: path } }
      cwd: ${place}
      effects: read
    - id: make
      description: Makes a file.
      command: [touch, --, "{name}"]
      arguments: { name: { type: word } }
      cwd: ${place}
      effects: write
    - id: slow
      description: Takes too long, and has done something by then.
      command: [/bin/sh, -c, "echo begun >> begun; exec sleep 600"]
      cwd: ${place}
      timeout_ms: 200
      effects: write
    - id: ungranted
      description: Nobody gets it.
      command: ["true"]
      cwd: ${place}
      effects: read
${more}`,
  );
}

async function use(
  node: object,
  ...flags: string[]
): Promise<{ readonly all: RunEvent[]; readonly out: unknown; readonly trace: string; readonly code: number | null }> {
  const file = join(folder, "use.yaml");
  writeFileSync(
    file,
    `version: 0\nname: use\nnodes:\n  - { id: use, use: "agent:user", with: ${JSON.stringify({ mode: "call", ...node })} }\n`,
  );
  const { stdout, code } = await home.rlp("run", file, "--local", "--json", ...flags);
  const all = events(stdout);
  const body = only(all, "node.finished").at(-1)?.meta.outputs[0]?.body;
  return { all, out: body && "value" in body ? body.value : null, trace: all[0]?.trace_id ?? "", code };
}

test.each<[string, object, object]>([
  ["a tool that the grant does not hold", { tool: "ungranted", args: {} }, { code: "denied" }],
  ["a tool that nobody named", { tool: "rm", args: {} }, { code: "denied" }],
  ["a tool that this host does not offer", { tool: "absent", args: {} }, { code: "unavailable" }],
  [
    "arguments that its own schema refuses",
    { tool: "first_lines", args: { count: 1 } },
    { code: "invalid", message: expect.stringContaining("is missing") },
  ],
  ["arguments that the host refuses", { tool: "first_lines", args: { file: "../../etc/passwd" } }, { code: "invalid" }],
  ["an option in the place of a file", { tool: "first_lines", args: { file: "--version" } }, { code: "invalid" }],
  [
    "a file that is not there",
    { tool: "first_lines", args: { file: "nothing" } },
    { code: "invalid", message: expect.stringContaining("no such file") },
  ],
  ["arguments that are no object", { tool: "first_lines", args: [1] }, { code: "invalid" }],
])("%s is a typed error, and nothing runs", async (_, node, error) => {
  expect((await use(node)).out).toMatchObject(error);
});

test("the list is what the bundle names, the grant holds and the host has", async () => {
  const { out, trace } = await use({ mode: "list" });
  expect(out).toMatchObject([
    { name: "first_lines", description: "The first lines of a file.", input_schema: { required: ["file"] } },
    {
      name: "make",
      description: "Makes a file.",
      input_schema: { properties: { name: { type: "string" } }, required: ["name"] },
    },
    { name: "slow" },
  ]);
  expect((await home.rlp("replay", trace)).code).toBe(0);
});

test("a tool that only looks is called at once; what it says carries its name; a replay needs neither it nor its offer", async () => {
  const { all, out, trace } = await use({ tool: "first_lines", args: { file: "note.txt" } });
  expect(out).toEqual({ exit_code: 0, stdout: "one\ntwo\n", stderr: "", dropped_bytes: 0 });
  expect(only(all, "node.finished")[0]?.meta.outputs[0]?.labels).toEqual(["untrusted:first_lines"]);
  expect(only(all, "action.proposed")).toEqual([]);
  rmSync(join(place, "note.txt"));
  writeFileSync(join(home.path, "config.yaml"), "");
  expect((await home.rlp("replay", trace)).code).toBe(0);
  offer();
});

test("one that changes something asks first, says all of it, and is done once", async () => {
  const made = join(place, "made");
  const denied = await use({ tool: "make", args: { name: "made" } }, "--deny");
  expect(denied.out).toMatchObject({ code: "denied" });
  expect(existsSync(made)).toBe(false);
  const parked = await use({ tool: "make", args: { name: "made" } });
  expect([parked.code, existsSync(made)]).toEqual([3, false]);
  const [proposed] = only(parked.all, "action.proposed");
  expect(proposed?.meta).toMatchObject({ action: "tool.make", args: { value: { name: "made" } } });
  expect(JSON.stringify(proposed?.meta.summary)).toContain("made");
  expect((await home.rlp("approve", proposed?.meta.proposal_id ?? "")).code).toBe(0);
  const resumed = events((await home.rlp("resume", parked.trace, "--json")).stdout);
  expect(only(resumed, "action.finished")[0]?.meta.outcome).toBe("done");
  expect(existsSync(made)).toBe(true);
  rmSync(made);
  expect((await home.rlp("replay", parked.trace)).code).toBe(0);
  expect(existsSync(made)).toBe(false);
});

test("one that was cut off in the middle has an outcome that nobody knows", async () => {
  const { all, out } = await use({ tool: "slow", args: {} }, "--yes");
  expect(out).toMatchObject({ code: "timeout" });
  expect(only(all, "action.finished")[0]?.meta.outcome).toBe("unknown");
  expect(readFileSync(join(place, "begun"), "utf8")).toBe("begun\n");
});

test("what is offered wrongly is an error with its place, before anything runs", async () => {
  offer(
    `    - { id: evil, description: x, command: [sh, -c, "{q}"], arguments: { q: { type: text } }, cwd: /, effects: read }\n`,
  );
  const refused = await home.rlp("agent", "list");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("command line")]);
  offer();
});
