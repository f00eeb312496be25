/** Standard output without Node's streams: the same bytes, the same errors, and nothing lost where nobody waits. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AtOnce } from "../../../tools/rlp/terminal/at-once.js";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "rlp-at-once-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TEXT = "eins, zwei, drei — vier 🙂\n".repeat(20_000);
const never = (): never => {
  throw new Error("the process's own stream was asked for");
};

/** Collects what the process's own stream gets. */
function own(more: object = {}) {
  const stream = Object.assign(new PassThrough(), more);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  return { stream: () => stream as unknown as NodeJS.WriteStream, bytes: () => Buffer.concat(parts) };
}

test.skipIf(process.platform === "win32")("a file gets all of it, and no stream is made", () => {
  const file = join(folder, "out");
  const descriptor = openSync(file, "w");
  const sink = new AtOnce(descriptor, never);
  expect([sink.isTTY, sink.columns, sink.rows]).toEqual([false, undefined, undefined]);
  sink.on("error", never);
  sink.write(TEXT);
  sink.write("end");
  closeSync(descriptor);
  expect(readFileSync(file, "utf8")).toBe(`${TEXT}end`);
});

test.skipIf(process.platform === "win32")(
  "a pipe that nobody waits for gets what it takes, and the stream the rest, cut anywhere",
  async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const { stream, bytes } = own();
    const sink = new AtOnce(descriptor, stream);
    sink.write(TEXT);
    sink.write("end");
    const taken = Buffer.alloc(Buffer.byteLength(TEXT));
    const length = readSync(descriptor, taken);
    closeSync(descriptor);
    await new Promise((resolve) => setImmediate(resolve));
    expect(length).toBeGreaterThan(4095);
    expect(length).toBeLessThan(taken.length);
    expect(Buffer.concat([taken.subarray(0, length), bytes()]).toString()).toBe(`${TEXT}end`);
  },
);

test.skipIf(process.platform === "win32")("what cannot be written is an error of the stream, told after the write", async () => {
  const file = join(folder, "read only");
  writeFileSync(file, "");
  const descriptor = openSync(file, "r");
  const sink = new AtOnce(descriptor, never);
  const errors: NodeJS.ErrnoException[] = [];
  sink.on("error", (error: NodeJS.ErrnoException) => errors.push(error));
  sink.write("text");
  expect(errors).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  closeSync(descriptor);
  expect(errors.map(({ code }) => code)).toEqual(["EBADF"]);
});

test.skipIf(!existsSync("/dev/null"))("anything else has the process's own stream, with its errors and sizes", () => {
  const descriptor = openSync("/dev/null", "w");
  const { stream, bytes } = own({ isTTY: true, columns: 123, rows: 45 });
  const sink = new AtOnce(descriptor, stream);
  const heard: unknown[] = [];
  sink.on("error", (error) => heard.push(error));
  sink.on("resize", () => heard.push("resize"));
  expect([sink.isTTY, sink.columns, sink.rows]).toEqual([true, 123, 45]);
  sink.write("text");
  stream().emit("resize");
  stream().emit("error", "broken");
  closeSync(descriptor);
  expect(heard).toEqual(["resize", "broken"]);
  expect(bytes().toString()).toBe("text");
});
