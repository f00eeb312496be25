import { expect, test } from "vitest";
import { UsageError } from "#core/errors.js";
import { KbError } from "#kb/errors.js";
import { OpeningError, type Diagnostic } from "#openings/language/diagnostic.js";
import { tellFailure } from "../../../tools/rlp/failure.js";
import { Output } from "../../../tools/rlp/output.js";

async function told(error: unknown, { json = false, debug = false } = {}) {
  let stderr = "";
  const sink = { write: (text: string) => ((stderr += text), true), on: () => {}, off: () => {} };
  const code = await tellFailure(error, new Output(sink, sink, { json, quiet: true, color: true, unicode: true }), debug);
  return { code, stderr };
}

test("an error of ours: code, what, where, hint; --quiet does not silence it, no colours where nobody sees them", async () => {
  const error = new UsageError("USAGE_CONFIG", "unknown key `a`", {
    place: { file: "c.yaml", line: 2, column: 3 },
    hint: "did you mean `b`?",
  });
  expect(await told(error)).toEqual({
    code: 2,
    stderr: "error[USAGE_CONFIG]: unknown key `a`, c.yaml:2:3\nhint: did you mean `b`?\n",
  });
  expect(JSON.parse((await told(error, { json: true })).stderr)).toEqual({
    code: "USAGE_CONFIG",
    message: "unknown key `a`",
    place: { file: "c.yaml", line: 2, column: 3 },
    hint: "did you mean `b`?",
  });
  expect((await told(new KbError("KB_BROKEN_CHAIN", "row 3"))).code).toBe(4);
});

test("a place that the message names already is not said twice", async () => {
  const error = new UsageError("USAGE_NOT_FOUND", "there is no opening nope.yaml", { place: { file: "nope.yaml" } });
  expect((await told(error)).stderr).toBe("error[USAGE_NOT_FOUND]: there is no opening nope.yaml\n");
});

test("anything else is a fault of ours: one line, no stack, exit 1", async () => {
  const { code, stderr } = await told(new TypeError("x is undefined\n    at secret"));
  expect([code, stderr]).toEqual([1, "error[INTERNAL]: x is undefined\nhint: this is a fault in rlp; `--debug` shows where\n"]);
  expect((await told("thrown text")).stderr).toContain("error[INTERNAL]: thrown text");
  expect((await told(new TypeError("x", { cause: new Error("below") }), { debug: true })).stderr).toMatch(
    /TypeError: x\n\s+at [^]*caused by Error: below\n\s+at /,
  );
});

test("what the system refuses has a way out", async () => {
  expect((await told(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }))).stderr).toMatch(
    /hint: the disk is full: .*rlp resume/,
  );
});

test("a file in the place of a folder is no fault in rlp", async () => {
  expect((await told(Object.assign(new Error("ENOTDIR: not a directory, lstat 'x'"), { code: "ENOTDIR" }))).stderr).toMatch(
    /hint: a file stands where a folder has to be/,
  );
});

test("text from elsewhere cannot act on the terminal", async () => {
  const { stderr } = await told(new KbError("KB_QUERY", "no table \u001b[2J\u202e", { hint: "\u0007" }));
  expect(stderr).toBe("error[KB_QUERY]: no table \\e[2J\\u{202e}\nhint: \\x07\n");
});

test("an opening's errors come all, each with its line and caret", async () => {
  const diagnostic = (line: number): Diagnostic => ({
    code: "OPENING_UNKNOWN_KEY",
    severity: "error",
    message: `unknown key in line ${line}`,
    file: "o.yaml",
    line,
    column: 1,
    span: { start: 0, end: 2 },
    excerpt: { text: "ab: 1", caret: { start: 0, end: 2 }, cutBefore: false, cutAfter: false },
  });
  const error = new OpeningError([diagnostic(1), diagnostic(2)]);
  const { code, stderr } = await told(error);
  expect(code).toBe(2);
  expect(stderr.match(/error\[OPENING_UNKNOWN_KEY\]/g)).toHaveLength(2);
  expect(stderr).toContain("o.yaml:2:1\n2 | ab: 1\n  | ^^\n");
  expect(stderr).toMatch(/2 errors: nothing was run\n$/);
  expect(JSON.parse((await told(error, { json: true })).stderr).diagnostics).toHaveLength(2);
});
