/** What is read at once is somebody's own, wherever the memory for it came from. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AT_ONCE_BYTES, readFileAtOnce } from "#host/component/read-at-once.js";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "rlp-read-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const SIZES = [0, 1, 40_000, 40_960, 41_000, 39_000, 100, 131_072, 131_073, 70_000, 65_000, 40_000, AT_ONCE_BYTES, 50_000];

test.each([false, true])(
  "files of all sizes are what they are, and stay so while others are read (turns between them: %s)",
  async (turns) => {
    const read: { readonly wanted: Buffer; readonly found: Buffer }[] = [];
    for (const [index, size] of [...SIZES, ...SIZES].entries()) {
      const wanted = Buffer.alloc(size, `${index} ${size}`);
      writeFileSync(join(dir, "file"), wanted);
      read.push({ wanted, found: readFileAtOnce(join(dir, "file"))! });
      if (turns) await turn();
    }
    for (const { wanted, found } of read) expect(found.equals(wanted)).toBe(true);
  },
);

test("a kept file does not keep more than twice its size", async () => {
  for (const size of [100_000, 100_000, 40_000, 40_000]) {
    writeFileSync(join(dir, "file"), Buffer.alloc(size));
    const found = readFileAtOnce(join(dir, "file"))!;
    expect(found.length).toBe(size);
    expect(found.buffer.byteLength).toBeLessThanOrEqual(2 * size);
    await turn();
  }
});

test("what is larger is left to whoever can wait", () => {
  writeFileSync(join(dir, "file"), Buffer.alloc(AT_ONCE_BYTES + 1));
  expect(readFileAtOnce(join(dir, "file"))).toBeUndefined();
});
