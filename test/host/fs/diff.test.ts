import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines } from "#host/fs/diff.js";
import { blake3 } from "#core/digest.js";
import { showChanges, TEXT_BYTES } from "#host/fs/shown.js";

/** What the difference makes of a text: the lines that stay and those that come. */
function applied(before: string, diff: readonly string[]): string {
  const lines = before.split("\n").slice(0, -1);
  const out: string[] = [];
  let at = 0;
  for (const line of diff) {
    const hunk = /^@@ from line (\d+), now \d+ @@$/.exec(line);
    if (hunk) while (at < Number(hunk[1]) - 1) out.push(lines[at++]!);
    else if (line.startsWith("+")) out.push(line.slice(1));
    else {
      expect(lines[at]).toBe(line.slice(1));
      if (line.startsWith(" ")) out.push(line.slice(1));
      at++;
    }
  }
  return [...out, ...lines.slice(at)].map((line) => `${line}\n`).join("");
}

const text = array(constantFrom("a", "b", "c", "longer line"), { maxLength: 40 }).map((lines) =>
  lines.map((line) => `${line}\n`).join(""),
);

describe("differences", () => {
  it("say everything: what they make of the old text is the new one", () => {
    assert(
      property(text, text, (before, after) => {
        expect(applied(before, diffLines(before, after))).toBe(after);
      }),
    );
  });
  it("of texts with nothing in common are the whole of both", () => {
    const [before, after] = ["old", "new"].map((word) => Array.from({ length: 2000 }, (_, i) => `${word} ${i}\n`).join(""));
    const diff = diffLines(before!, after!);
    expect(diff.filter((line) => line.startsWith("-"))).toHaveLength(2000);
    expect(applied(before!, diff)).toBe(after);
  });
  it("tell a missing line feed at the end, and nothing of equal texts", () => {
    expect(diffLines("a\n", "a")).toEqual(["@@ from line 1, now 1 @@", "-a", "+a (no line feed at the end)"]);
    expect(diffLines("a\nb", "a\nb")).toEqual([]);
  });
});

describe("what a person is shown", () => {
  const shown = (before: Uint8Array | null, after: Uint8Array | null) => {
    const content = (bytes: Uint8Array | null) => bytes && { kind: "file" as const, size: bytes.length, digest: blake3(bytes) };
    const [was, is] = [content(before), content(after)];
    const change = { dir: "/d", path: "f", before: was && { ...was, version: "" }, after: is && { ...is, pieces: [] } };
    return { change, before, after };
  };
  it("never cuts a text in the middle: it is there whole, or told by size and digest", async () => {
    const large = Buffer.alloc(TEXT_BYTES, "a line that is there\n");
    const all = await showChanges(Array.from({ length: 12 }, () => shown(null, large)));
    const whole = all.split("  make /d/f\n").slice(1);
    expect(whole).toHaveLength(12);
    for (const block of whole)
      expect(block.includes("more text than is shown at once") ? block : block.split("\n").length).toEqual(
        block.includes("more text")
          ? expect.stringContaining(`${TEXT_BYTES} bytes, BLAKE3 ${blake3(large)}`)
          : expect.any(Number),
      );
    expect(whole.some((block) => block.includes("more text"))).toBe(true);
    expect(all.length).toBeLessThan(2 << 20);
  });
  it("what is no text, and text that holds a NUL, is told by digest, before and after", async () => {
    for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from("a\0b")])
      expect(await showChanges([shown(Buffer.from("old"), bytes)])).toBe(
        `Change one name in granted directories\n  change /d/f\n    (not shown as text)\n    before: 3 bytes, BLAKE3 ${blake3("old")}\n    after: ${bytes.length} bytes, BLAKE3 ${blake3(bytes)}`,
      );
  });
});
