import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { DataError } from "#core/errors.js";
import { IDENTIFIER, newOpeningId, newTraceId, parseProposalId, parseTraceId, proposalId } from "#core/ids.js";

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const uuid = "01993a5c-7c00-7abc-8def-0123456789ab";

describe("fresh ids", () => {
  test("say what they name, and are UUIDs of version 7", () => {
    expect(newTraceId()).toMatch(/^trace:/);
    expect(newTraceId().slice(6)).toMatch(V7);
    expect(newOpeningId()).toMatch(/^opening:/);
    expect(newOpeningId().slice(8)).toMatch(V7);
  });

  test("sort in the order in which they were made, and never repeat", () => {
    const made = Array.from({ length: 2000 }, newTraceId);
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  test("survive being printed and read", () => {
    const id = newTraceId();
    expect(parseTraceId(id)).toBe(id);
    expect(parseTraceId(id.slice(6))).toBe(id);
  });
});

test.each([
  ["nothing", ""],
  ["the prefix alone", "trace:"],
  ["another kind of id", `proposal:${uuid}`],
  ["the prefix twice", `trace:trace:${uuid}`],
  ["version 4", "0b1c2d3e-0000-4000-8000-000000000000"],
  ["a wrong variant", "01993a5c-7c00-7abc-cdef-0123456789ab"],
  ["upper case", uuid.toUpperCase()],
  ["a space behind", `${uuid} `],
  ["a line feed behind", `${uuid}\n`],
  ["a path", `../../${uuid}`],
  ["SQL", `${uuid}' OR 1=1 --`],
])("%s is no trace id", (_, text) => {
  expect(() => parseTraceId(text)).toThrow(DataError);
  expect(() => parseTraceId(text)).toThrow(expect.objectContaining({ code: "DATA_BAD_ID", hint: expect.any(String) as string }));
});

test("a long wrong id is not repeated whole in the message", () => {
  expect(() => parseTraceId("x".repeat(10_000))).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^.{0,120}$/) as string }),
  );
});

describe("a proposal's id", () => {
  test("follows from the digest, and is a well-formed id for any", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const id = proposalId(blake3(text));
        expect(id.slice("proposal:".length)).toMatch(V7);
        expect(parseProposalId(id)).toBe(id);
        expect(proposalId(blake3(text))).toBe(id);
      }),
    );
  });

  test("keeps the digest's bits except those that version and variant take", () => {
    expect(proposalId("0123456789abcdef".repeat(4))).toBe("proposal:01234567-89ab-7def-8123-456789abcdef");
    expect(proposalId("f".repeat(64))).toBe("proposal:ffffffff-ffff-7fff-bfff-ffffffffffff");
  });
});

test.each([
  ["a", true],
  ["draft_2", true],
  ["a".repeat(64), true],
  ["a".repeat(65), false],
  ["", false],
  ["2a", false],
  ["_a", false],
  ["Draft", false],
  ["a-b", false],
  ["a.b", false],
  ["a\n", false],
  ["ä", false],
])("identifier %j: %s", (text, expected) => {
  expect(IDENTIFIER.test(text)).toBe(expected);
});
