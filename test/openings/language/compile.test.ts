import { Exit, RlpError } from "#core/errors.js";
import { canonicalJson, type JsonObject } from "#core/json.js";
import { expect, test } from "vitest";
import { compileOpening, type CompileWorld } from "#openings/language/compile.js";
import { OpeningError } from "#openings/language/diagnostic.js";
import { formatDiagnostic } from "#openings/language/format.js";
import { openingLimits } from "#openings/language/limits.js";
import { world } from "./agents.js";

const compile = (text: string, over: Partial<CompileWorld> = {}) =>
  compileOpening({ file: "t.yaml", bytes: new TextEncoder().encode(text) }, { ...world, ...over });
const codes = (text: string, over?: Partial<CompileWorld>) => compile(text, over).diagnostics.map(({ code }) => code);
const head = "version: 0\nname: t\n";

test("the caller's parameters are merged over the file's: maps key by key, everything else replaced", () => {
  const text = `${head}params: {a: {b: 1, c: [1, 2], d: {e: 1}}, f: 1}\nnodes: [{id: n, use: "agent:echo", with: {in: "{{params}}"}}]\n`;
  const given = JSON.parse('{"a": {"c": [3], "d": {"__proto__": {"x": 1}}}, "f": {"g": null}}') as JsonObject;
  const { opening } = compile(text.replace("{{params}}", "{{params.a}}"), { params: given });
  expect(canonicalJson(opening?.params)).toBe('{"a":{"b":1,"c":[3],"d":{"__proto__":{"x":1},"e":1}},"f":{"g":null}}');
  expect(opening?.nodes[0]?.with["in"]).toEqual(opening?.params["a"]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

test("a policy that says nothing about confirmation takes the default", () => {
  const text = `${head}nodes: [{id: n, use: "agent:echo"}]\n`;
  for (const confirm_external of [true, false])
    expect(compile(text, { defaults: { confirm_external } }).opening?.policy.confirm_external).toBe(confirm_external);
});

test("a parameter that supplies a port is checked with its value, templates and all", () => {
  const text = `${head}params: {to: [{email: a@example.com}]}\nnodes: [{id: n, use: "agent:writer", with: {recipients: "{{params.to}}"}}]\n`;
  expect(codes(text)).toEqual([]);
  const { diagnostics } = compile(text, { params: { to: [{ name: "no address" }] } });
  expect(diagnostics.map(({ code, line, column }) => [code, line, column])).toEqual([["OPENING_WITH", 4, 57]]);
});

test("a text that is two characters wide in UTF-16 is one column", () => {
  const { diagnostics } = compile(`${head}nodes: [{id: n, use: "agent:echo", with: {in: "👍👍{{params.x}}"}}]\n`);
  expect(diagnostics[0]).toMatchObject({ line: 3, column: 50 });
});

test("CRLF files have the same lines and columns", () => {
  const text = `${head}nodes:\n  - id: n\n    use: agent:ecko\n`;
  const [unix] = compile(text).diagnostics;
  const [windows] = compile(text.replaceAll("\n", "\r\n")).diagnostics;
  expect(unix).toMatchObject({ code: "OPENING_UNKNOWN_AGENT", line: 5, column: 10 });
  expect({ ...windows, span: unix?.span }).toEqual(unix);
});

test("an OpeningError carries them all and ends with exit code 2", () => {
  const { diagnostics } = compile(`${head}retires: 1\nnodes: [{id: n, use: "agent:echo", x: 1}]\n`);
  const error = new OpeningError(diagnostics);
  expect(error).toBeInstanceOf(RlpError);
  expect(error).toMatchObject({ exit: Exit.usage, code: "OPENING_UNKNOWN_KEY", place: { file: "t.yaml", line: 3, column: 1 } });
  expect(error.diagnostics).toHaveLength(2);
});

test("colour only when it is asked for, and never a raw escape from the file", () => {
  const [found] = compile(`${head}nodes: [{id: n, use: "agent:echo", "k\\e[31m\u202e": 1}]\n`).diagnostics;
  if (!found) throw new Error("nothing was found");
  expect(formatDiagnostic(found)).not.toMatch(/[\u001b\u202e]/);
  const coloured = formatDiagnostic(found, { color: true });
  expect(coloured.startsWith("\u001b[1;31merror[OPENING_UNKNOWN_KEY]\u001b[0m: ")).toBe(true);
  expect(coloured.replaceAll(/\u001b\[[0-9;]*m/g, "")).toBe(formatDiagnostic(found));
});

const nodes = (count: number) => Array.from({ length: count }, (_, i) => `  - {id: n${i}, use: agent:echo}\n`).join("");

test("a wide file of 5,000 nodes compiles", () => {
  const edges = Array.from({ length: 4999 }, (_, i) => `  - {from: n0.out, to: n${i + 1}.in}\n`).join("");
  const { opening, diagnostics } = compile(`${head}nodes:\n${nodes(5000)}edges:\n${edges}`);
  expect(diagnostics).toEqual([]);
  expect([opening?.nodes.length, opening?.edges.length]).toEqual([5000, 4999]);
});

test("a circle of 5,000 nodes is one error, and no stack overflows", () => {
  const edges = Array.from({ length: 5000 }, (_, i) => `  - {from: n${i}.out, to: n${(i + 1) % 5000}.in}\n`).join("");
  const { diagnostics } = compile(`${head}nodes:\n${nodes(5000)}edges:\n${edges}`);
  expect(diagnostics.map(({ code }) => code)).toEqual(["OPENING_CYCLE"]);
  expect(diagnostics[0]?.message).toMatch(/n0 → n1 → .* … 4989 more … → n4999 → n0$/);
});

const fill = (piece: string, before = "", after = "") =>
  before + piece.repeat(Math.floor((openingLimits.bytes - before.length - after.length) / piece.length)) + after;
const bomb = (levels: number, wide: number) =>
  Array.from({ length: levels }, (_, i) => `  p${i + 1}: &p${i + 1} [${Array(wide).fill(`*p${i}`).join(", ")}]\n`).join("");

test.each<[string, string, string]>([
  ["more bytes than the limit", `${fill("a")}bcd`, "OPENING_TOO_LARGE"],
  ["more nodes than the limit", `${head}nodes:\n${"- {}\n".repeat(openingLimits.nodes + 1)}`, "OPENING_TOO_LARGE"],
  ["nothing but brackets", fill("["), "OPENING_TOO_DEEP"],
  ["nothing but braces", fill("{a: "), "OPENING_TOO_DEEP"],
  ["nested dashes", fill("- "), "OPENING_TOO_DEEP"],
  ["nested questions", fill("? "), "OPENING_TOO_DEEP"],
  ["nested keys on one line", fill("a: "), "OPENING_TOO_DEEP"],
  ["deep indentation", Array.from({ length: 1400 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), "OPENING_TOO_DEEP"],
  ["nothing but commas", fill(",", "[", "]"), "OPENING_TOO_LARGE"],
  ["closing brackets", fill("]"), "OPENING_TOO_LARGE"],
  ["empty documents", fill("---\n"), "OPENING_DOCUMENTS"],
  ["directives", fill("%a\n"), "OPENING_YAML_FEATURE"],
  ["empty lines and a word", fill("\n", "", "a"), "OPENING_TOO_LARGE"],
  ["80,000 keys", Array.from({ length: 80_000 }, (_, i) => `k${i}: 1`).join("\n"), "OPENING_TOO_LARGE"],
  ["20,000 keys", `${head}${Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join("")}`, "OPENING_UNKNOWN_KEY"],
  ["doubling aliases", `${head}params:\n  p0: &p0 x\n${bomb(30, 2)}nodes: [{id: a, use: "agent:echo"}]\n`, "OPENING_TOO_LARGE"],
  [
    "aliases of a long text",
    `${head}params:\n  p0: &p0 ${"x".repeat(500_000)}\n${bomb(1, 1000)}nodes: []\n`,
    "OPENING_TOO_LARGE",
  ],
  ["aliases that grow deep", `${head}params:\n  p0: &p0 x\n${bomb(70, 1)}nodes: []\n`, "OPENING_TOO_DEEP"],
  [
    "a long parameter many times",
    `${head}params: {x: ${"y".repeat(100_000)}}\nnodes: [{id: a, use: "agent:echo", with: {in: "${"{{params.x}}".repeat(1000)}"}}]\n`,
    "OPENING_TEMPLATE",
  ],
  [
    "many unknown parameters in one text",
    fill("{{params.x}}", `${head}nodes: [{id: a, use: "agent:echo", with: {in: "`, '"}}]\n'),
    "OPENING_TEMPLATE",
  ],
])("%s: refused, and soon", (_, text, code) => {
  const { opening, diagnostics } = compile(text);
  expect(opening).toBeNull();
  expect(diagnostics.map((each) => each.code)).toContain(code);
  expect(diagnostics.length).toBeLessThanOrEqual(openingLimits.diagnostics + 1);
  expect(JSON.stringify(diagnostics).length).toBeLessThan(200_000);
});

test("an alias within the limits is just its value", () => {
  const { opening } = compile(
    `${head}params:\n  p0: &p0 x\n${bomb(3, 2)}nodes: [{id: a, use: "agent:echo", with: {in: "{{params.p2}}"}}]\n`,
  );
  expect(opening?.nodes[0]?.with).toEqual({
    in: [
      ["x", "x"],
      ["x", "x"],
    ],
  });
});
