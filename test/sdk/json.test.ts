/** The guest's JSON against JavaScript's own: the same texts are taken, the same values found, the same text written. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { buildSource } from "#sdk/build/source.js";
import { load, on } from "./guest.js";

// One instance handles a list of texts: `=` and the text written again, or `!` and what is wrong.
const guest = await load(
  await buildSource(`
    import { Invocation, json, list, ok, Outcome, parse } from "runloop";
    export function agent(call: Invocation): Outcome {
      const texts = call.options.getStrings("texts");
      const answers = list();
      for (let i = 0; i < texts.length; i++) {
        const parsed = parse(texts[i]);
        answers.push(parsed.ok ? "=" + parsed.value.toString() : "!" + parsed.error.toString());
      }
      return ok().send("out", "json.v1", answers);
    }`),
);
const through = async (texts: readonly string[]): Promise<string[]> =>
  on(await guest.run({ with: { texts: [...texts] } }), "out");

/** What JavaScript says of a text. */
function expected(text: string): string | null {
  try {
    return `=${JSON.stringify(JSON.parse(text))}`;
  } catch {
    return null;
  }
}

async function agrees(texts: readonly string[]): Promise<void> {
  const answers = await through(texts);
  for (const [i, text] of texts.entries()) {
    const wanted = expected(text);
    if (wanted === null) expect(answers[i], text).toMatch(/^!invalid: .+ at \d+$/);
    else expect(answers[i], text).toBe(wanted);
  }
}

test("texts that JSON takes, and texts that it does not", async () => {
  await agrees([
    "null",
    "true",
    "false",
    "0",
    "-0",
    '""',
    "[]",
    "{}",
    " \t\r\n[ ] ",
    "[1,[2,[3]]]",
    '{"a":{"b":[null]}}',
    '{"a":1,"a":2}',
    '{"a":1,"b":2,"a":3}',
    '{"":""}',
    '{"__proto__":1,"constructor":2}',
    '"\\u0041\\n\\/\\"\\\\"',
    '"\u007f\u2028\u2029"',
    "",
    " ",
    "nul",
    "nulll",
    "truE",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "]",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    "{a:1}",
    "{1:1}",
    "'a'",
    '"',
    '"\\',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\n"',
    '"\u0000"',
    '"\u001f"',
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    "NaN",
    "Infinity",
    "-Infinity",
    "[1 2]",
    '{"a" 1}',
    "1 2",
    "/*c*/1",
    "[1]]",
    "\uFEFF1",
    "\u00a01",
    "\u00001",
    "1\u0000",
  ]);
});

test("numbers at every edge of a double", async () => {
  await agrees([
    "1e400",
    "-1e400",
    "1e-400",
    "1e309",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "5e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "9007199254740991",
    "9007199254740993",
    "9007199254740995",
    "123456789012345678901234567890",
    "0.1",
    "0.30000000000000004",
    "4.35",
    "1e21",
    "1e20",
    "999999999999999900000",
    "1e-6",
    "1e-7",
    "0.000001234",
    "1e23",
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
    `0.${"0".repeat(400)}1`,
    `1${"0".repeat(400)}`,
    `1${"0".repeat(300)}.${"9".repeat(900)}`,
    `${"9".repeat(1000)}e-1000`,
    `0.${"0".repeat(320)}${"4".repeat(900)}`,
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "0e99999999999999999999",
    "0.0e-5",
    "-0.0",
    "100e-2",
    "1E5",
    "1e+5",
    "1.5e1",
    `1.${"0".repeat(2000)}1`,
    // Two shortest forms, equally near: the even digit is written.
    "642338539635207.2",
    "642338539635207.25",
    "642338539635207.3",
    "2251799813685248.25",
    "5e-324",
    "9.5367431640625e-7",
  ]);
});

test("halfway between two doubles, with more digits than a reader might keep", async () => {
  // 2^53 + 1 lies halfway: a single digit far behind decides.
  const far = "0".repeat(850);
  await agrees([`9007199254740993.${far}`, `9007199254740993.${far}1`, `9007199254740992.${"9".repeat(850)}`]);
});

test("any double is written as JavaScript writes it, and read back", async () => {
  const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((raw) => new Float64Array(new BigUint64Array([raw]).buffer)[0]!);
  const numbers = fc.oneof(bits, fc.double(), fc.integer(), fc.maxSafeInteger(), fc.double({ min: -1e6, max: 1e6 }));
  await fc.assert(
    fc.asyncProperty(fc.array(numbers.filter(Number.isFinite), { minLength: 20, maxLength: 60 }), (values) =>
      agrees(values.flatMap((value) => [String(value), value.toPrecision(17), value.toPrecision(20), value.toExponential(5)])),
    ),
    { numRuns: 40 },
  );
});

test("any digits are read as JavaScript reads them", async () => {
  const digits = (max: number) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((list) => list.join(""));
  const decimal = fc
    .tuple(digits(30), digits(30), fc.integer({ min: -345, max: 330 }))
    .map(([whole, part, exponent]) => `${BigInt(whole)}.${part}e${exponent}`);
  await fc.assert(fc.asyncProperty(fc.array(decimal, { minLength: 20, maxLength: 60 }), agrees), { numRuns: 40 });
});

test("any value, with any strings, lone surrogates among them", async () => {
  const value = fc.jsonValue({ maxDepth: 5, stringUnit: "binary" });
  // An object of JavaScript puts names like "7" first; the guest keeps the order of the text.
  const ordered = value.filter((each) => !/"\d+":/.test(JSON.stringify(each)));
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes));
  await fc.assert(
    fc.asyncProperty(fc.array(ordered, { minLength: 5, maxLength: 20 }), fc.array(units, { maxLength: 20 }), (values, strings) =>
      agrees([...values, ...strings, ...strings.map((name) => ({ [`n${name}`]: name }))].map((each) => JSON.stringify(each))),
    ),
    { numRuns: 40 },
  );
});

test("whatever is cut out of a text, or put into it: both take it, or neither does", async () => {
  const text = JSON.stringify({ a: [1.5e-7, "x\u00e9\n\\", null, true, { b: {} }], "\ud800": -0.1 });
  const broken: string[] = [];
  for (let i = 0; i < text.length; i++) {
    broken.push(text.slice(0, i), text.slice(0, i) + text.slice(i + 1));
    for (const piece of ['"', "\\", ",", "}", "0", "e", " ", "\u0001"]) broken.push(text.slice(0, i) + piece + text.slice(i));
  }
  await agrees(broken);
});

test("members keep the order of the text, however many there are; of one name the last value counts, in the first place", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `k${(i * 7919) % 200}`);
  await agrees([`{${names.map((name, i) => `${JSON.stringify(name)}:${i}`).join(",")}}`]);
});

test("64 levels are read, 65 are refused, and so is a million, without a crash", async () => {
  await agrees(["[".repeat(64) + "]".repeat(64), '{"a":'.repeat(63) + "[]" + "}".repeat(63)]);
  const answers = await through([
    "[".repeat(65) + "]".repeat(65),
    '{"a":'.repeat(65) + "1" + "}".repeat(65),
    "[".repeat(1_000_000),
  ]);
  expect(answers).toEqual([
    "!invalid: nested deeper than 64 at 64",
    "!invalid: nested deeper than 64 at 320",
    "!invalid: nested deeper than 64 at 64",
  ]);
});

test("a mistake is named with its place, counted from 0", async () => {
  expect(await through(['{"a":1,}', "[1 2]", '"\\q"', '"ab', "tru", "1.x", '{"a"1}', "[1] x"])).toEqual([
    "!invalid: a member's name is missing at 7",
    "!invalid: `,` or `]` is missing at 3",
    "!invalid: no such escape at 2",
    "!invalid: the text ends too early at 3",
    "!invalid: the text ends too early at 3",
    "!invalid: a digit is missing behind the point at 2",
    "!invalid: `:` is missing at 4",
    "!invalid: more text after the value at 4",
  ]);
});

test("a megabyte of text fits the guest's memory many times over", async () => {
  await agrees([JSON.stringify("é".repeat(300_000)), JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i / 7))]);
});
