import { describe, expect, test } from "vitest";
import { DataError, Exit, formatPlace, RlpError, UsageError, type Place } from "#core/errors.js";

describe("an error of a family", () => {
  const cause = new Error("disk");
  const error = new DataError("DATA_NOT_JSON", "not JSON", { place: { file: "a.json", line: 3 }, hint: "mend it", cause });

  test("is an Error with a code, a place, a hint and what caused it", () => {
    expect(error).toBeInstanceOf(RlpError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "DataError",
      family: "data",
      code: "DATA_NOT_JSON",
      message: "not JSON",
      hint: "mend it",
      cause,
    });
  });

  test("as JSON holds what a program needs, and no stack and no cause", () => {
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: "DATA_NOT_JSON",
      message: "not JSON",
      place: { file: "a.json", line: 3 },
      hint: "mend it",
    });
  });

  test("leaves out what it does not know", () => {
    const bare = new DataError("DATA_TOO_DEEP", "too deep");
    expect(Object.keys(bare.toJSON())).toEqual(["code", "message"]);
    expect("cause" in bare).toBe(false);
  });

  test("decides the exit code of its command", () => {
    expect(error.exit).toBe(Exit.failed);
    expect(new UsageError("USAGE", "no").exit).toBe(Exit.usage);
  });
});

test("exit codes are what the reference says", () => {
  expect(Exit).toEqual({ ok: 0, failed: 1, usage: 2, parked: 3, mismatch: 4, interrupted: 130 });
});

test.each<[Place | undefined, string]>([
  [undefined, ""],
  [{}, ""],
  [{ file: "a.yaml" }, "a.yaml"],
  [{ file: "a.yaml", line: 2 }, "a.yaml:2"],
  [{ file: "a.yaml", line: 2, column: 7 }, "a.yaml:2:7"],
  [{ line: 2, column: 7 }, "2:7"],
  [{ pointer: "/nodes/0" }, "/nodes/0"],
  [{ file: "a.yaml", line: 2, column: 7, pointer: "/nodes/0", at: "node draft" }, "a.yaml:2:7 /nodes/0 node draft"],
  [{ pointer: "", at: "trace:1" }, "trace:1"],
])("place %j reads %j", (place, text) => {
  expect(formatPlace(place)).toBe(text);
});
