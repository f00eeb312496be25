import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LINE_BYTES } from "#core/events.js";
import { LineReader, readLine, type Entry } from "../../tools/agtop/line.js";
import { composeRun } from "./run.js";

const bytes = (text: string) => new TextEncoder().encode(text);
function readAll(...chunks: readonly Uint8Array[]): Entry[] {
  const reader = new LineReader();
  return [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
}
const kinds = (found: readonly Entry[]) => found.map((entry) => (entry.type === "event" ? entry.event.kind : `! ${entry.text}`));

test("the lines of a run are its events, wherever the chunks are cut, inside a character too", () => {
  const run = composeRun().add("log", { fields: { text: "Zoë → 東京 😀" } }, "€ 😀");
  const all = bytes(run.lines());
  fc.assert(
    fc.property(fc.array(fc.nat(all.length), { maxLength: 8 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), all.length];
      const chunks = places.slice(1).map((to, i) => all.slice(places[i], to));
      expect(readAll(...chunks).map((entry) => entry.type === "event" && entry.event)).toEqual(run.events);
    }),
  );
});

test("line ends of either kind, empty lines, and a last line without an end", () => {
  const [first, second] = composeRun().events.map((event) => JSON.stringify(event));
  expect(kinds(readAll(bytes(`\n${first}\r\n\r\n  \n${second}`)))).toEqual(["run.started", "node.started"]);
});

test.each(["not json", "{}", "[1]", "null", '{"kind":"run.started"}', "\u001b[2Jhello", '{"v":2}', "{".repeat(10_000)])(
  "%j is an invalid line, shown as it is",
  (line) => {
    expect(readLine(line)).toEqual({ type: "invalid", text: line });
  },
);

test("bytes that are no UTF-8 do no harm", () => {
  const found = readAll(Uint8Array.of(0xff, 0xfe, 0x80, 0x0a), bytes(composeRun().lines()));
  expect(found[0]).toEqual({ type: "invalid", text: "\ufffd\ufffd\ufffd" });
  expect(found).toHaveLength(composeRun().events.length + 1);
});

describe("blobs of a trace file", () => {
  test("are passed over, however long", () => {
    const blob = `{"blob":"${"a".repeat(64)}","media_type":"application/json","base64":"${"A".repeat(3 * LINE_BYTES)}"}\n`;
    expect(kinds(readAll(bytes(`${blob}${composeRun().lines()}${blob}`)))).toEqual(composeRun().events.map(({ kind }) => kind));
  });
});

test("a line that does not end is cut, counted once, and the next line is read", () => {
  const reader = new LineReader();
  const found: Entry[] = [];
  for (let i = 0; i < 40; i++) found.push(...reader.push(bytes("x".repeat(100_000))));
  found.push(...reader.push(bytes(`\n${composeRun().lines()}`)), ...reader.end());
  expect(found).toHaveLength(composeRun().events.length + 1);
  expect(found[0]?.type).toBe("invalid");
  expect(found[0]?.type === "invalid" && found[0].text.length).toBeLessThan(1000);
});
