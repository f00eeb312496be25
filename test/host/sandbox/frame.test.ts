import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  chunkFrames,
  FRAME_BYTES,
  FrameReader,
  FrameViolation,
  FrameWriter,
  messageFrames,
  type FrameLimits,
} from "#host/sandbox/frame.js";
import { Transfers } from "#host/sandbox/transfer.js";

const open: FrameLimits = {
  messageBytes: 8 << 20,
  chunks: true,
  bytesPerSecond: Infinity,
  framesPerSecond: Infinity,
  now: () => 0,
};

function reader(limits: Partial<FrameLimits> = {}) {
  const messages: string[] = [];
  const chunks: [number, string][] = [];
  const frames = new FrameReader(
    { ...open, ...limits },
    { message: (text) => messages.push(text), chunk: (id, bytes) => chunks.push([id, Buffer.from(bytes).toString("hex")]) },
  );
  return { messages, chunks, push: (...parts: Buffer[]) => parts.forEach((part) => frames.push(part)) };
}

const header = (length: number, kind = 0): Buffer => Buffer.from([length >>> 24, length >>> 16, length >>> 8, length, kind]);

test("whatever was sent arrives, in order, however the pipe cuts it", () => {
  const item = fc.oneof(
    fc.string({ minLength: 1, unit: "binary" }).map((text) => ({ text: JSON.stringify(text.toWellFormed()) })),
    fc.record({ id: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), (items, cuts) => {
      const wire = Buffer.concat(
        items.flatMap((sent) => ("text" in sent ? messageFrames(sent.text) : [...chunkFrames(sent.id, sent.bytes)])),
      );
      const { messages, chunks, push } = reader();
      for (let at = 0, cut = 0; at < wire.length; cut++) {
        const length = cuts[cut % cuts.length]!;
        // The stream may use its buffer again: what is handed over is scribbled on afterwards.
        const part = Buffer.from(wire.subarray(at, at + length));
        push(part);
        part.fill(0xff);
        at += length;
      }
      expect(messages).toEqual(items.flatMap((sent) => ("text" in sent ? [sent.text] : [])));
      expect(chunks).toEqual(
        items.flatMap((sent) => ("text" in sent ? [] : [[sent.id, Buffer.from(sent.bytes).toString("hex")]])),
      );
    }),
    { numRuns: 50 },
  );
});

test("a message larger than a frame travels in parts, characters whole", () => {
  const text = JSON.stringify("é🎈".repeat(700_000));
  const { messages, push } = reader();
  const frames = messageFrames(text);
  expect(frames.length).toBeGreaterThan(2);
  expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(FRAME_BYTES + 4);
  push(...frames);
  expect(messages).toEqual([text]);
});

test.each<[string, Buffer[], Partial<FrameLimits>, RegExp]>([
  ["a length of 4 GiB", [header(0xffff_ffff)], {}, /frame of 4294967295 bytes/],
  ["a length just beyond the limit", [header(FRAME_BYTES + 1)], {}, /frame of/],
  ["a length of nothing", [header(0)], {}, /frame of 0/],
  ["a kind that is not there", [header(2, 9), Buffer.from("x")], {}, /kind 9/],
  ["an empty message", [header(1, 0)], {}, /empty message/],
  ["empty parts without end", [header(1, 2)], {}, /empty message/],
  ["raw bytes where none were asked for", [header(6, 1), Buffer.alloc(5)], { chunks: false }, /raw bytes/],
  ["raw bytes without a transfer", [header(3, 1), Buffer.alloc(2)], {}, /without a transfer/],
  ["raw bytes in the middle of a message", [header(2, 2), Buffer.from("{"), header(6, 1), Buffer.alloc(5)], {}, /middle/],
  [
    "parts beyond the largest message",
    [header(9, 2), Buffer.alloc(8, 32), header(9, 2), Buffer.alloc(8, 32)],
    { messageBytes: 15 },
    /more than 15/,
  ],
  ["text that is not UTF-8", [header(3, 0), Buffer.from([0xc3, 0x28])], {}, /not UTF-8/],
  ["more bytes than its allowance", [Buffer.alloc(200)], { bytesPerSecond: 100 }, /more than 100 bytes/],
  ["more frames than its allowance", [1, 2, 3].flatMap(() => messageFrames("1")), { framesPerSecond: 2 }, /more than 2 frames/],
])("a violation: %s", (_, parts, limits, message) => {
  const { push } = reader(limits);
  expect(() => push(...parts)).toThrow(FrameViolation);
  expect(() => reader(limits).push(...parts)).toThrow(message);
});

test("an allowance refills with time", () => {
  let now = 0;
  const { push, messages } = reader({ framesPerSecond: 2, now: () => now });
  const one = messageFrames("1");
  push(...one, ...one);
  now = 500;
  push(...one);
  expect(() => push(...one)).toThrow(FrameViolation);
  expect(messages).toHaveLength(3);
});

test("a length is refused before anything is kept for it", () => {
  const { push } = reader();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 50; i++) expect(() => push(header(0x7fff_ffff).subarray(0, 4))).toThrow(FrameViolation);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
});

test("a transfer takes what was announced and no more", async () => {
  const transfers = new Transfers();
  const gathered = transfers.expect(3, 5);
  expect(() => transfers.chunk(4, new Uint8Array(1))).toThrow(/not open/);
  expect(() => transfers.expect(3, 5)).toThrow(/twice/);
  transfers.chunk(3, new Uint8Array([1, 2, 3]));
  expect(() => transfers.chunk(3, new Uint8Array(3))).toThrow(/more bytes/);
  transfers.chunk(3, new Uint8Array([4, 5]));
  expect(await gathered).toEqual(new Uint8Array([1, 2, 3, 4, 5]));
  expect(() => transfers.chunk(3, new Uint8Array(1))).toThrow(/not open/);
  expect(await transfers.expect(9, 0)).toHaveLength(0);
});

test("bytes that are used at once are not copied where they come in one chunk, and gathered where they do not", () => {
  const transfers = new Transfers();
  const used: Uint8Array[] = [];
  const use = (bytes: Uint8Array): void => void used.push(bytes);
  const whole = new Uint8Array([1, 2, 3]);
  transfers.use(1, 3, use);
  expect(() => transfers.use(1, 3, use)).toThrow(/twice/);
  transfers.chunk(1, whole);
  expect(used).toHaveLength(1);
  expect(used[0]).toBe(whole);
  transfers.use(2, 3, use);
  const piece = new Uint8Array([4, 5]);
  transfers.chunk(2, piece);
  piece.fill(0); // the buffer that it lay in is used again
  expect(() => transfers.chunk(2, new Uint8Array(2))).toThrow(/more bytes/);
  transfers.chunk(2, new Uint8Array([6]));
  expect(used[1]).toEqual(new Uint8Array([4, 5, 6]));
  transfers.use(3, 0, use);
  expect(used[2]).toHaveLength(0);
});

test("messages that come in pieces, one behind the other, keep nothing of each other", () => {
  const { push, messages } = reader();
  const texts = ["a".repeat(200_000), "b".repeat(100_000), "c".repeat(100)].map((text) => JSON.stringify(text));
  const wire = Buffer.concat(texts.flatMap((text) => messageFrames(text)));
  const buffer = Buffer.alloc(7001); // one buffer for all that is read
  for (let at = 0; at < wire.length; at += buffer.length) {
    const length = wire.copy(buffer, 0, at);
    push(buffer.subarray(0, length));
    buffer.fill(0xff);
  }
  expect(messages).toEqual(texts);
});

test("what is written in a turn leaves together at its end, and what is flushed before it", async () => {
  const sent: number[] = [];
  let held: number | null = null;
  const out = {
    write: (bytes: Uint8Array) => (held = (held ?? 0) + bytes.length),
    cork: () => (held ??= 0),
    uncork: () => {
      if (held !== null) sent.push(held);
      held = null;
    },
  };
  const writer = new FrameWriter(out);
  writer.flush(); // nothing was written
  writer.message("one");
  writer.bytes(1, Buffer.alloc(10));
  writer.flush();
  expect(sent).toEqual([5 + 3 + 9 + 10]);
  writer.message("two");
  writer.message("three");
  expect(sent).toHaveLength(1);
  await new Promise(setImmediate);
  expect(sent.slice(1)).toEqual([5 + 3 + 5 + 5]);
});
