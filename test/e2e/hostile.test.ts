import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMPLETE, component, componentOf, imports, moduleText, ok, patched, textAt } from "../host/component/guest.js";
import { writeAgent, writeOpening } from "./bundle.js";
import { events, example, homeWithSamples, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-hostile-"));
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

/** What a terminal would act on, or show in another order than it stands. Colours are off here. */
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

/** The host is as well as before: a run works, and the ledger is whole. */
async function goesOn(): Promise<void> {
  const next = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes");
  expect(next).toMatchObject({ code: 0, stderr: "" });
  expect((await home.rlp("kb", "verify")).code).toBe(0);
}

test("components that are not let in are all named before anything runs, each with its reason, exit 2", async () => {
  const asking = { imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` };
  const good = await component(asking);
  const exporting = await component({ ...asking, fields: '(func (export "write"))' });
  const wasi = `package test:one;\nworld agent {\n  import wasi:clocks/wall-clock@0.2.0;\n}\npackage wasi:clocks@0.2.0 {\n  interface wall-clock { now: func() -> u64; }\n}\n`;
  const clock = await parse('(module (import "wasi:clocks/wall-clock@0.2.0" "now" (func (result i64))))');
  const model = "model = true\n";
  const names = ["wr'te", 'wr"te', "wr`te", "wr\\te", "wr\nte", "w\u2028e", "*/'`;", "wr${e", "w\u202ee"];
  const refused: Record<string, { code: Uint8Array; policy?: string; digest?: string; says: RegExp }> = {
    ...Object.fromEntries(
      names.map((name, i) => [`name${i}`, { code: patched(exporting, "write", name), policy: model, says: /ADMIT_NAME/ }]),
    ),
    wasi: { code: await componentOf(clock, "utf8", "agent", wasi), says: /ADMIT_IMPORT: .*wasi:clocks\/wall-clock@0\.2\.0/ },
    ungranted: { code: good, says: /imports `runloop:agent\/model@0\.1\.0`: .*does not grant model/ },
    swapped: { code: good, policy: model, digest: "0".repeat(64), says: /ADMIT_DIGEST/ },
    huge: { code: new Uint8Array((16 << 20) + 1), says: /16777217 bytes/ },
    truncated: { code: good.slice(0, -40), policy: model, says: /ADMIT_MALFORMED/ },
    noise: { code: new Uint8Array(5000).map((_, i) => (i * i * 31) >> 3), says: /not a WebAssembly component/ },
    nothing: { code: new Uint8Array(0), says: /not a WebAssembly component/ },
    module: { code: await parse(moduleText({ run: "(unreachable)" })), says: /core WebAssembly module/ },
  };
  for (const [name, agent] of Object.entries(refused)) await writeAgent(folder, { name, ...agent });
  const file = await writeOpening(
    folder,
    "refused",
    Object.keys(refused).map((name) => ({ id: name, agent: name })),
  );
  const run = await home.rlp("run", file, "--local");
  expect(run.code).toBe(2);
  expect(run.stdout).toBe("");
  for (const [name, { says }] of Object.entries(refused)) {
    const line = run.stderr.split("\n").find((text) => text.startsWith("error[") && text.includes(`\`${name}\``));
    expect(line, name).toMatch(says);
  }
  expect(run.stderr).not.toMatch(UNPRINTABLE);
  expect(run.stderr).not.toMatch(/^\s+at /m);
  expect(JSON.parse((await home.rlp("runs", "--json")).stdout || "[]")).toEqual([]);
});

/** One agent with every vice, one node for each. `code` is how the host names the end, or null where it is none of its business. */
const VICES: Record<string, { does: string; code: string | null }> = {
  well: { does: "", code: null },
  loop: { does: "while (true) {}", code: "host.fuel-exhausted" },
  hoard: {
    does: "const keep: StaticArray<u8>[] = []; while (true) keep.push(new StaticArray<u8>(1 << 20));",
    code: "host.memory-exhausted",
  },
  dive: { does: "return dive(0) > 0 ? ok() : ok();", code: "host.depth-exhausted" },
  trap: { does: "unreachable();", code: "host.trap" },
  throws: { does: 'throw new Error("\\u001b[2J \\u202e");', code: "host.trap" },
  port: { does: 'return ok().send("nowhere\\u001b[2J", "text.v1", "x");', code: "host.type" },
  prototype: { does: 'return ok().send("__proto__", "text.v1", "x");', code: "host.type" },
  long_port: { does: 'return ok().send("p".repeat(65), "text.v1", "x");', code: "host.component" },
  type: { does: 'return ok().send("out", "number.v1", 7);', code: "host.type" },
  value: { does: 'const o = ok(); o.outputs.push(new Output("out", "text.v1", "7")); return o;', code: "host.type" },
  deep: { does: 'const o = ok(); o.outputs.push(new Output("out", "text.v1", "[".repeat(9000))); return o;', code: "host.type" },
  no_json: { does: 'const o = ok(); o.outputs.push(new Output("out", "text.v1", "{")); return o;', code: "host.type" },
  infinite: { does: 'const o = ok(); o.outputs.push(new Output("any", "json.v1", "1e999")); return o;', code: "host.type" },
  half: { does: 'const o = ok(); o.outputs.push(new Output("out", "text.v1", "\\"\\\\ud800\\"")); return o;', code: "host.type" },
  big: { does: 'return ok().send("out", "text.v1", "0123456789abcdef".repeat(70000));', code: "host.component" },
  many: {
    does: 'const o = ok(); for (let i = 0; i < 5000; i++) o.send("out", "text.v1", ""); return o;',
    code: "host.component",
  },
  chatter: {
    does: 'for (let i = 0; i < 100000; i++) log.error("\\u001b[2J\\u001b]0;t\\u0007\\u2028\\u202e" + i.toString());',
    code: null,
  },
  cut: {
    does: 'return fail("\\u001b\\ud83d\\ude00".repeat(99), "x" + "\\ud83d\\ude00\\u202e".repeat(4000));',
    code: "\u001b😀".repeat(42) + "\u001b\ufffd",
  },
  liar: { does: 'return fail("host.timeout", "the host is to blame");', code: "agent.host.timeout" },
  half_call: { does: 'kb.get("\\ud800");', code: "host.trap" },
  filling: {
    does: 'const o = new CompletionOptions(); o.localText = \'{"template":"\' + "{{a}}".repeat(50000) + \'","data":{"a":"\' + "x".repeat(10000) + \'"}}\'; const r = model.complete("x", o); return ok().send("out", "text.v1", r.ok ? "filled" : r.error.code);',
    code: null,
  },
  strange: {
    does: `const words: string[] = ["'; DROP TABLE events; --", "../../etc/passwd", "\\u0000", '" OR NEAR( * AND ^ {a : b}', "x".repeat(100000), "__proto__"];
    const found = json();
    for (let i = 0; i < words.length; i++) {
      const options = new SearchOptions(); options.kind = words[i]; options.domain = words[i]; options.limit = u32.MAX_VALUE;
      const said = [kb.get(words[i]).ok, kb.search(words[i]).ok, kb.search(words[i], options).ok, kb.query(json().set("kind", "contact").set("match", words[i])).ok,
        kb.query(json().set("kind", words[i]).set("limit", 1e300)).ok, actions.propose(words[i], json()).ok, actions.propose("email.send", json().set("to", words[i])).ok];
      found.set(words[i].substr(0, 8), said);
    }
    const temperatures: f64[] = [NaN, Infinity, -1, 1e300];
    for (let i = 0; i < temperatures.length; i++) {
      const options = new CompletionOptions(); options.temperature = temperatures[i]; options.model = "http://169.254.169.254/";
      if (model.complete("x", options).ok) return fail("it.was-answered", "");
    }
    return ok().send("out", "text.v1", found.toString());`,
    code: null,
  },
  storm: { does: 'for (let i = 0; i < 20000; i++) kb.get("contact:x");', code: "host.calls-exhausted" },
};

test("what a component does while it runs ends its own attempt with a reason, and nobody else's", async () => {
  const body = Object.entries(VICES).map(([mode, { does }]) => `  if (mode == "${mode}") { ${does} }`);
  await writeAgent(folder, {
    name: "vicious",
    code: `${body.join("\n")}\n`,
    before: "function dive(n: i32): i32 { return n < 0 ? 0 : dive(n + 1) + 1; }",
    policy: 'kb_read = true\nmodel = true\nactions = ["email.send"]\n',
    ports: '[ports.out.out]\ntype = "text.v1"\n[ports.out.any]\ntype = "any"\n[schemas.with]\ntype = "object"\n',
    limits: "fuel = 3_000_000_000\nwall_ms = 60_000",
  });
  const file = await writeOpening(
    folder,
    "vices",
    Object.keys(VICES).map((id) => ({ id, agent: "vicious" })),
  );
  const run = await home.rlp("run", file, "--local");
  expect(run.stderr).not.toMatch(UNPRINTABLE);
  expect(run.stderr).not.toMatch(/^\s+at /m);
  expect(run.stderr).not.toContain("INTERNAL");
  expect(run.code).toBe(1);
  const all = events(run.stdout);
  const ends = new Map(only(all, "node.finished").map(({ meta }) => [meta.node as string, meta]));
  const codes = Object.fromEntries([...ends].map(([node, { error }]) => [node, error?.code ?? null]));
  expect(codes).toEqual(Object.fromEntries(Object.entries(VICES).map(([mode, { code }]) => [mode, code])));
  const said = (node: string) => ends.get(node)?.outputs[0]?.body;
  expect(said("filling")).toEqual({ value: "invalid" });
  expect(said("strange")).toEqual({ value: expect.stringContaining('"../../et":[true,true,false,true,false,false,false]') });
  expect(only(all, "log").length).toBeLessThan(1100);
  await goesOn();
});
