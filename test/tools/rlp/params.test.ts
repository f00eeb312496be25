import { expect, test } from "vitest";
import { readParams } from "../../../tools/rlp/run/params.js";

const nothing = () => {
  throw new Error("no file is read here");
};
const read = (params: string | undefined, single: string[] = [], file: (name: string) => string = nothing) =>
  readParams(params, single, file);

test.each([
  ["recipient=ada", { recipient: "ada" }],
  ["n=3", { n: 3 }],
  ["n=-0.5e3", { n: -500 }],
  ["yes=true", { yes: true }],
  ["none=null", { none: null }],
  ['text="3"', { text: "3" }],
  ['list=["a",1]', { list: ["a", 1] }],
  ['map={"a":{"b":1}}', { map: { a: { b: 1 } } }],
  ["empty=", { empty: "" }],
  ["url=https://x.test/?a=b", { url: "https://x.test/?a=b" }],
  ["zip=00123", { zip: "00123" }],
  ["account=12345678901234567890", { account: "12345678901234567890" }],
  ["huge=1e999", { huge: "1e999" }],
  ["mail.subject=Hello", { mail: { subject: "Hello" } }],
  ["constructor=x", { constructor: "x" }],
  ["constructor.prototype.x=1", { constructor: { prototype: { x: 1 } } }],
  ["word=True", { word: "True" }],
])("--param %s", (word, expected) => {
  expect(read(undefined, [word])).toEqual(expected);
});

test("single parameters are merged over --params, in their order, key by key", () => {
  expect(read('{"a":1,"mail":{"to":"x","cc":"y"}}', ["mail.to=z", "a=2", "a=3"])).toEqual({ a: 3, mail: { to: "z", cc: "y" } });
});

test("@file is read, a byte order mark too", () => {
  expect(read("@p.json", [], (name) => `\ufeff{"from": "${name}"}`)).toEqual({ from: "p.json" });
});

test("nothing given, no parameters", () => {
  expect(read(undefined)).toEqual({});
});

test.each([
  ["not JSON", "{recipient: ada}", []],
  ["a list", "[1]", []],
  ["a string", '"x"', []],
  ["nested too deep", `${"[".repeat(100)}${"]".repeat(100)}`, []],
  ["no equals sign", undefined, ["recipient"]],
  ["no key", undefined, ["=x"]],
  ["an empty part", undefined, ["a..b=1"]],
  ["a key of Object's own", undefined, ["__proto__.polluted=1"]],
  ["the same inside", undefined, ["a.__proto__.polluted=1"]],
  ["JSON that is cut short", undefined, ['a={"b":1']],
  ["a key below a value", '{"a":1}', ["a.b=2"]],
])("refused, with a way out: %s", (_, params, single) => {
  expect(() => read(params, single)).toThrow(
    expect.objectContaining({ code: "USAGE_BAD_PARAM", exit: 2, hint: expect.any(String) }),
  );
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test("a file that cannot be read is a bad parameter, with the reason", () => {
  expect(() =>
    read("@gone.json", [], () => {
      throw new Error("ENOENT: no such file");
    }),
  ).toThrow(/gone\.json cannot be read: ENOENT/);
});
