/** Standard error, and standard output where it is not the result: lines that become events. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lines, visible, type OutputLine } from "#host/sandbox/inside/wasi/lines.js";

function said(...parts: (string | Uint8Array)[]): { chunks: string[]; lines: OutputLine[]; last: string; paid: number } {
  const lines: OutputLine[] = [];
  let paid = 0;
  const sink = new Lines(
    "stderr",
    (line) => lines.push(line),
    (fuel) => (paid += fuel),
  );
  for (const part of parts) sink.take(typeof part === "string" ? Buffer.from(part) : part);
  sink.finish();
  return { chunks: lines.map(({ chunk }) => chunk), lines, last: sink.lastWords(1500), paid };
}

describe("hostile", () => {
  test("a flood of line feeds says nothing, and takes nothing from what comes after it", () => {
    expect(said("\n".repeat(1 << 20), "\r\n".repeat(1 << 20), "still there\n").chunks).toEqual(["still there"]);
  });

  test("each line is paid for, an empty one and a dropped one too", () => {
    expect(said("a".repeat(1000)).paid).toBe(0);
    expect(said("\n".repeat(5000)).paid).toBe(1_000_000);
    expect(said("x\n".repeat(5000)).paid).toBe(1_000_000);
    expect(said("a".repeat(10_240)).paid).toBe(2000);
  });

  test("a flood of lines is kept to a thousand, and the last line says how many were dropped", () => {
    const { lines, last } = said(
      ..."x"
        .repeat(50_000)
        .split("")
        .map((_, i) => `line ${i}\n`),
    );
    expect(lines).toHaveLength(1001);
    expect(lines.at(-1)).toEqual({
      stream: "stderr",
      level: "warn",
      chunk: expect.stringMatching(
        /^49000 lines \(\d+ bytes\) of standard error were dropped: an attempt may write 1000 lines and 65536 bytes$/,
      ),
    });
    // What it died of is said last.
    expect(last).toBe("line 49995\nline 49996\nline 49997\nline 49998\nline 49999");
  });

  test("a flood of bytes without any line feed is cut into lines and kept to 64 KiB", () => {
    const { lines } = said(Buffer.alloc(10 << 20, "a"));
    expect(lines.slice(0, -1).every(({ chunk }) => chunk.length === 1024)).toBe(true);
    expect(lines).toHaveLength(65);
    expect(lines.at(-1)?.level).toBe("warn");
  });

  test("no chunk is longer than 4,096 bytes, even of bytes that are no text at all", () => {
    const { chunks } = said(Buffer.alloc(5000, 0xff));
    expect(chunks.every((chunk) => Buffer.byteLength(chunk) <= 4096)).toBe(true);
    expect(chunks.join("")).toBe("\\xff".repeat(5000));
  });

  test.each<[string, number[], string]>([
    ["a byte that continues nothing", [0x61, 0x80, 0x62], "a\\x80b"],
    ["half a character at the end", [0x61, 0xe2, 0x82], "a\\xe2\\x82"],
    ["an overlong form", [0xc0, 0xaf], "\\xc0\\xaf"],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
    ["a character beside garbage", [0xff, 0xc3, 0xa9, 0xf8], "\\xffé\\xf8"],
  ])("%s is made visible", (_, given, shown) => {
    expect(said(Uint8Array.from(given)).chunks).toEqual([shown]);
  });

  test("last words are cut from the front, and never inside a character", () => {
    const sink = new Lines(
      "stderr",
      () => {},
      () => {},
    );
    sink.take(Buffer.from("🎈".repeat(200)));
    sink.finish();
    const words = sink.lastWords(100);
    expect(words.length).toBeLessThanOrEqual(100);
    expect(words.isWellFormed()).toBe(true);
    expect(words).toMatch(/^….*🎈$/u);
  });
});

test("lines come as they end, one by one; one without a line feed at the end", () => {
  const seen: string[] = [];
  const sink = new Lines(
    "stdout",
    ({ chunk }) => seen.push(chunk),
    () => {},
  );
  sink.take(Buffer.from("one\ntw"));
  expect(seen).toEqual(["one"]);
  sink.take(Buffer.from("o\r\nthree"));
  expect(seen).toEqual(["one", "two"]);
  expect(sink.lastWords(100)).toBe("one\ntwo\nthree");
  sink.finish();
  expect(seen).toEqual(["one", "two", "three"]);
});

test("however a text is cut into writes, its lines are the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.array(fc.nat(200), { maxLength: 20 }), (bytes, cuts) => {
      const all = Buffer.from(bytes);
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) parts.push(all.subarray(at, (at += cut)));
      parts.push(all.subarray(at));
      expect(said(...parts)).toEqual(said(all));
    }),
    { numRuns: 30 },
  );
});

test("bytes that are UTF-8 are that text; all others are told from each other", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(visible(Buffer.from(text))).toBe(text.toWellFormed());
    }),
  );
  const writesBackslash = (bytes: Uint8Array): boolean => bytes.includes(0x5c);
  const unescaped = (text: string): Buffer =>
    Buffer.concat(
      text.split(/(\\x[0-9a-f]{2})/).map((part, i) => Buffer.from(i % 2 ? part.slice(2) : part, i % 2 ? "hex" : "utf8")),
    );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      fc.pre(!writesBackslash(bytes));
      expect(unescaped(visible(bytes)).equals(Buffer.from(bytes))).toBe(true);
    }),
  );
});
