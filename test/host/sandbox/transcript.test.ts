/** The digest of what is answered inside of the sandbox process: recorded runs hold it, so its form never changes. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Transcript } from "#host/sandbox/inside/transcript.js";

const number = (tag: number, value: number): Buffer => {
  const entry = Buffer.alloc(9, tag);
  entry.writeDoubleLE(value, 1);
  return entry;
};
const text = (value: string): Buffer => Buffer.concat([number(7, Buffer.byteLength(value)), Buffer.from(value)]);
const sha256 = (...parts: readonly Buffer[]): string => createHash("sha256").update(Buffer.concat(parts)).digest("hex");

test("of nothing it is that of no bytes", () => {
  expect(new Transcript(() => 0).digest()).toBe(sha256());
});

test.each([0, 1, 900, 1024, 1025, 5000])(
  "of a call with a text of %i bytes it is that of the entries, one after the other",
  (length) => {
    const transcript = new Transcript(() => 77);
    const argument = "x".repeat(length);
    for (let times = 0; times < 3; times++) {
      transcript.call("state.get", [argument]);
      transcript.value(null);
    }
    const entries = [number(1, 77), text("state.get"), number(9, 1), text(argument), number(2, 0)];
    expect(transcript.digest()).toBe(sha256(...entries, ...entries, ...entries));
  },
);
