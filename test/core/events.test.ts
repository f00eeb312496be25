/** The event schema is closed: what is not listed is an error that names its place. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "#core/errors.js";
import {
  checkMeta,
  eventMeta,
  isEventKind,
  isRunKind,
  parseRunEvent,
  runMeta,
  type EventKind,
  type RunKind,
} from "#core/events.js";
import { examples } from "./examples.js";

const kinds = Object.keys(eventMeta) as EventKind[];
const runKinds = Object.keys(runMeta) as RunKind[];

const line = (kind: string, meta: unknown) => ({
  v: 1,
  seq: 12,
  ts_ms: 1_763_636_400_123,
  trace_id: "trace:01993a5c-7c00-7abc-8def-0123456789ab",
  opening_id: "opening:01993a5c-7c00-7abc-8def-0123456789ac",
  run_id: "trace:01993a5c-7c00-7abc-8def-0123456789ab",
  kind,
  level: "info",
  message: "draft ok in 41 ms",
  meta,
});

function refusal(run: () => void): DataError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).code).toBe("DATA_BAD_EVENT");
    return error as DataError;
  }
  throw new Error("was accepted");
}

test("the kinds of the reference, no more and no less", () => {
  expect(kinds.toSorted()).toEqual(Object.keys(examples).toSorted());
  expect(runKinds).not.toContain("contact.upserted");
});

describe.each(kinds)("%s", (kind) => {
  const meta = examples[kind] as Record<string, unknown>;

  test("accepts a good example, before and after it was written as JSON", () => {
    checkMeta(kind, meta);
    checkMeta(kind, JSON.parse(JSON.stringify(meta)));
  });

  test("refuses a key that is not listed, and names it", () => {
    expect(refusal(() => checkMeta(kind, { ...meta, surprise: 1 })).message).toContain("surprise");
  });

  test("refuses a value of another type in any place, and names the place", () => {
    for (const key of Object.keys(meta)) {
      const error = refusal(() => checkMeta(kind, { ...meta, [key]: () => 1 }));
      expect(error.place?.pointer).toBe(`/${key}`);
      expect(error.message).toContain(`\`${kind}\``);
    }
  });

  test("refuses anything that is no object", () => {
    for (const other of [null, undefined, "meta", 1, []]) refusal(() => checkMeta(kind, other));
  });
});

describe("a line of a run", () => {
  test.each(runKinds)("%s comes back as it was", (kind) => {
    const written = line(kind, examples[kind]);
    expect(parseRunEvent(JSON.parse(JSON.stringify(written)))).toEqual(written);
  });

  test("the kind decides which meta fits", () => {
    refusal(() => parseRunEvent(line("node.started", examples["node.skipped"])));
    const event = parseRunEvent(line("node.started", examples["node.started"]));
    expect(event.kind === "node.started" && event.meta.agent).toBe("writer");
  });

  test.each([
    ["another version", { v: 2 }, "/v"],
    ["a negative seq", { seq: -1 }, "/seq"],
    ["half a seq", { seq: 0.5 }, "/seq"],
    ["a seq that doubles cannot count", { seq: 2 ** 53 }, "/seq"],
    ["a trace id without its prefix", { trace_id: "01993a5c" }, "/trace_id"],
    ["an unknown level", { level: "debug" }, "/level"],
    ["a message that is no text", { message: null }, "/message"],
    ["an unknown kind", { kind: "node.exploded" }, "/kind"],
    ["a record that is no part of any run", { kind: "note.added" }, "/kind"],
    ["a kind that objects inherit", { kind: "constructor" }, "/kind"],
    ["no kind", { kind: undefined }, "/kind"],
  ])("%s is refused at its place", (_, change, pointer) => {
    const error = refusal(() => parseRunEvent({ ...line("node.skipped", examples["node.skipped"]), ...change }));
    expect(error.place?.pointer).toBe(pointer);
  });

  test("a key beside the envelope's is refused, and named", () => {
    expect(refusal(() => parseRunEvent({ ...line("log", examples.log), hash: "x" })).message).toContain("hash");
  });

  test("a fault deep inside is named by a JSON pointer, with its escapes", () => {
    const meta = { ...examples["run.started"], components: { "a/b~c": "no digest" } };
    expect(refusal(() => parseRunEvent(line("run.started", meta))).place?.pointer).toBe("/meta/components/a~1b~0c");
    const finished = {
      ...examples["node.finished"],
      outputs: [{ ...examples["node.finished"].outputs[0], labels: ["x".repeat(257)] }],
    };
    expect(refusal(() => parseRunEvent(line("node.finished", finished))).place?.pointer).toBe("/meta/outputs/0/labels/0");
  });

  test("anything at all is either an event or refused with this error", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.jsonValue().map((meta) => line("log", meta)),
        ),
        (value) => {
          try {
            expect(parseRunEvent(value)).toEqual(value);
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
          }
        },
      ),
    );
  });

  test("no member is lost in reading, not even one with an odd name", () => {
    const meta = { ...examples.log, fields: JSON.parse('{"__proto__":1,"constructor":2,"":3}') as object };
    expect(JSON.stringify(parseRunEvent(JSON.parse(JSON.stringify(line("log", meta)))))).toContain('"__proto__":1');
  });
});

test("a stored value is a value or a blob, never both and never neither", () => {
  const state = (value: unknown) => () => checkMeta("node.finished", { ...examples["node.finished"], state: value });
  expect(state({ value: null })).not.toThrow();
  refusal(state({}));
  refusal(state({ value: 1, blob: "a".repeat(64), bytes: 1 }));
  refusal(state({ blob: "a".repeat(64) }));
});

test.each(["constructor", "toString", "__proto__", "", "run"])("%j is no kind", (kind) => {
  expect(isEventKind(kind)).toBe(false);
  expect(isRunKind(kind)).toBe(false);
  expect(refusal(() => checkMeta(kind, {})).message).toContain("there is no event kind");
});
