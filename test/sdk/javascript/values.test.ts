/** What the SDK makes of values, tried where the tests run: no QuickJS, no host. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cloneOf } from "../../../sdk/javascript/clone.js";
import { AgentFailure } from "../../../sdk/javascript/errors.js";
import { CONTENT, LINES } from "../../../sdk/javascript/inner.js";
import { toJson } from "../../../sdk/javascript/json.js";
import { message, outputsOf, several } from "../../../sdk/javascript/outputs.js";
import { decodeUtf8, encodeUtf8 } from "../../../sdk/javascript/utf8.js";
import { Headers, Request, Response } from "../../../sdk/javascript/web.js";

const cyclic: Record<string, unknown> = { a: {} };
(cyclic["a"] as Record<string, unknown>)["b"] = cyclic;
const deep = ((): unknown => {
  let value: unknown = 1;
  for (let depth = 0; depth < 300; depth++) value = [value];
  return value;
})();

describe("JSON", () => {
  test.each([
    ["a cycle", cyclic, /out\.a\.b: it contains itself/],
    ["a BigInt", { x: [1n] }, /out\.x\[0\]: a BigInt is no JSON value/],
    ["undefined in a list", [undefined], /out\[0\]: undefined is no JSON value/],
    ["undefined", undefined, /out: undefined is no JSON value/],
    ["a function", { f: () => 1 }, /out\.f: a function/],
    ["a symbol", Symbol("x"), /out: a symbol/],
    ["NaN", [Number.NaN], /out\[0\]: NaN is no JSON value/],
    ["infinity", { x: -1 / 0 }, /out\.x: -Infinity/],
    ["a promise that nobody awaited", { x: Promise.resolve(1) }, /out\.x: an object of class Promise/],
    ["a map", new Map(), /out: an object of class Map/],
    ["bytes", new Uint8Array(2), /out: an object of class Uint8Array/],
    ["300 lists in one another", deep, /nested more than 200 deep/],
  ])("refuses %s, and says where", (_, value, says) => expect(() => toJson(value, "out")).toThrow(says));

  test("a getter is asked once, and what it throws is passed on", () => {
    let asked = 0;
    const given = {
      get x() {
        return ++asked;
      },
    };
    expect([toJson(given, "out"), asked]).toEqual(['{"x":1}', 1]);
    expect(() =>
      toJson(
        {
          get x() {
            throw new Error("mine");
          },
        },
        "out",
      ),
    ).toThrow("mine");
  });

  test("a member called __proto__ is a member, and changes nobody's prototype", () => {
    const given: unknown = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}}');
    expect(toJson(given, "out")).toBe('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}');
    expect(Object.keys(cloneOf(given) as object)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("half a surrogate pair becomes U+FFFD, in names too", () => {
    expect(toJson({ "a\ud800": "\udc00b" }, "out")).toBe('{"a\ufffd":"\ufffdb"}');
  });

  test("any other JSON value crosses as it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(toJson(value, "out"))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("outputs", () => {
  const types = { out: "text.v1", other: "json.v1" };
  test.each([
    ["a text", "hello", /gave a string, where an object/],
    ["a list", [1], /gave an array/],
    ["an instance of a class", new Date(), /gave an object of class Date/],
    ["a port that there is not", { outt: 1 }, /`outt`, and the manifest has no such port; it has: out, other/],
    ["a port with an inherited name", { toString: 1 }, /`toString`, and the manifest has no such port/],
    ["a value that is none", { out: 1n }, /out: a BigInt/],
  ])("refuses %s", (_, given, says) => {
    expect(() => outputsOf(given, types)).toThrow(AgentFailure);
    expect(() => outputsOf(given, types)).toThrow(says);
  });

  test("nothing, undefined members, a type of one's own, several messages", () => {
    expect(outputsOf(undefined, types)).toEqual([]);
    expect(outputsOf({ out: undefined }, types)).toEqual([]);
    expect(outputsOf({ out: several("a", message(1, "number.v1")), other: ["b"] }, types)).toEqual([
      { port: "out", type: "text.v1", body: '"a"' },
      { port: "out", type: "number.v1", body: "1" },
      { port: "other", type: "json.v1", body: '["b"]' },
    ]);
  });
});

test("UTF-8, both ways, as Node has it, broken sequences too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(Buffer.from(encodeUtf8(text))).toEqual(Buffer.from(new TextEncoder().encode(text)));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(decodeUtf8(bytes)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    }),
    { numRuns: 2000 },
  );
  const long = "é😀x".repeat(5_000);
  expect(decodeUtf8(encodeUtf8(long))).toBe(long);
  expect(() => decodeUtf8(Uint8Array.of(0xff), true)).toThrow(TypeError);
});

test("structuredClone: data, collections, shared and cyclic parts; no functions", () => {
  const shared = { x: 1 };
  const given = {
    list: [shared, shared],
    map: new Map([[shared, new Set([1n])]]),
    when: new Date(5),
    bytes: new Uint8Array([1, 2]).subarray(1),
    cyclic,
  };
  const copy = cloneOf(given);
  expect(copy).toEqual(given);
  expect(copy.list[0]).not.toBe(shared);
  expect(copy.list[0]).toBe(copy.list[1]);
  expect(() => cloneOf({ f: () => 1 })).toThrow(/a function cannot be cloned/);
});

describe("requests", () => {
  test.each([
    ["a relative address", () => new Request("/x"), /no absolute http or https/],
    ["another scheme", () => new Request("file:///etc/passwd"), /no absolute http or https/],
    ["a method that there is not", () => new Request("http://a/", { method: "TRACE" }), /`TRACE` is none of/],
    // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- this is what is tried
    ["a body where none belongs", () => new Request("http://a/", { body: "x" }), /a GET request has no body/],
    ["an object for a body", () => new Request("http://a/", { method: "POST", body: { a: 1 } }), /JSON\.stringify/],
    ["a line break in a header", () => new Headers({ a: "b\r\nc: d" }), /line break/],
    ["a header's name that is none", () => new Headers({ "a b": "c" }), /no header's name/],
    ["redirects that are not followed", () => new Request("http://a/", { redirect: "manual" }), /`redirect`/],
  ])("refuse %s", (_, make, says) => expect(make).toThrow(says));

  test("a secret is sent by its id and never read back; headers are joined", () => {
    const headers = new Headers({ Authorization: { secret: "mail/token" }, accept: "a" });
    headers.append("Accept", "b");
    expect(headers.get("authorization")).toBe("[secret]");
    expect([...headers]).toEqual([
      ["accept", "a, b"],
      ["authorization", "[secret]"],
    ]);
    expect([...headers[LINES]()]).toEqual([
      ["authorization", { secret: "mail/token" }],
      ["accept", "a, b"],
    ]);
    headers.append("authorization", "more");
    expect(() => [...headers[LINES]()]).toThrow(/a secret and something else/);
  });

  test("bodies: text and parameters say what they are, bytes do not", () => {
    const post = (body: object | string): Request => new Request("http://a/", { method: "post", body });
    expect(post("é").headers.get("content-type")).toBe("text/plain;charset=UTF-8");
    expect(post(Uint8Array.of(1)).headers.has("content-type")).toBe(false);
    expect([...(post("é")[CONTENT]() ?? [])]).toEqual([0xc3, 0xa9]);
  });

  test("a response is read once", async () => {
    const response = new Response('\ufeff{"a":1}', { status: 404 });
    expect([response.ok, await response.json()]).toEqual([false, { a: 1 }]);
    await expect(response.text()).rejects.toThrow(/read already/);
  });
});
