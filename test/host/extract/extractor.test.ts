/** Foreign formats in their cage: what is read of them, and that nothing that a file does reaches further. */
import { deflateSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { extractor } from "#host/extract/extractor.js";
import type { ParsedFormat } from "#kb/ingest/extract.js";

const parsers = extractor();
afterAll(() => parsers.close());
const read = (format: ParsedFormat, text: string | Uint8Array) =>
  parsers.extract(format, typeof text === "string" ? Buffer.from(text) : text);

/** A PDF of one page whose content stream is `content`, compressed. */
function pdf(content: string | Uint8Array, title = "Quarterly plan", packed = deflateSync(content)): Uint8Array {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
    null,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    `<< /Title (${title}) >>`,
  ];
  const parts: Buffer[] = [Buffer.from("%PDF-1.4\n")];
  const offsets: number[] = [];
  let length = parts[0]!.length;
  const push = (bytes: Buffer) => {
    parts.push(bytes);
    length += bytes.length;
  };
  objects.forEach((object, index) => {
    offsets.push(length);
    push(Buffer.from(`${index + 1} 0 obj\n`));
    if (object === null) {
      push(Buffer.from(`<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n`));
      push(packed);
      push(Buffer.from("\nendstream"));
    } else push(Buffer.from(object));
    push(Buffer.from("\nendobj\n"));
  });
  const start = length;
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  push(
    Buffer.from(
      `xref\n0 7\n0000000000 65535 f \n${table}trailer\n<< /Size 7 /Root 1 0 R /Info 6 0 R >>\nstartxref\n${start}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

test("HTML: headings, paragraphs, lists and code stay; scripts, styles and the head do not", async () => {
  const html = `<!doctype html><html><head><title> The  plan </title><script>alert("no")</script></head><body><style>p{}</style>
    <h1>Plan</h1><p>One &amp; two</p><ul><li>first<li>second</ul><pre>a  b\n c</pre><template>no</template><table><tr><td>x</td><td>y</td></tr></table>`;
  const { text, title, mediaType } = await read("html", html);
  expect({ title, mediaType }).toEqual({ title: "The plan", mediaType: "text/markdown" });
  expect(text).toBe("# Plan\n\nOne & two\n\n- first\n\n- second\n\n```\na  b\n c\n```\n\nx y");
});

test("HTML in another encoding is read as its meta says", async () => {
  const html = Buffer.concat([Buffer.from('<meta charset="windows-1252"><p>caf'), Buffer.from([0xe9])]);
  expect((await read("html", html)).text).toBe("café");
});

test("mail: who, when, what; HTML where there is no text; attachments by name", async () => {
  const plain =
    "From: Ann Meyer <ann@example.org>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\nDate: Mon, 30 Nov 2026 08:00:00 +0000\r\n\r\nSee you there.\r\n";
  const mail = await read("eml", plain);
  expect(mail.title).toBe("Café");
  expect(mail.text).toContain(
    "From: Ann Meyer <ann@example.org>\nTo: <bob@example.org>\nDate: 2026-11-30T08:00:00.000Z\n\nSee you there.",
  );
  const mixed = `From: a@b.c\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n<h1>Hi</h1><script>no</script>\r\n--q\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="plan.pdf"\r\n\r\nnot opened\r\n--q--\r\n`;
  const other = await read("eml", mixed);
  expect(other.text).toContain("# Hi");
  expect(other.text).toContain("Attachments: plan.pdf");
  expect(other.text).not.toMatch(/no|script/);
  await expect(read("eml", "just some text")).rejects.toMatchObject({
    code: "KB_INGEST",
    message: expect.stringContaining("no message"),
  });
});

test("JSON and NDJSON: a part for each record", async () => {
  const { text, mediaType } = await read(
    "json",
    '[{"name": "Ann", "tags": ["a", "b"], "at": {"city": "Porto"}}, {"name": "Bob", "age": 3, "none": null}]',
  );
  expect(mediaType).toBe("text/x-records");
  expect(text.split("\f").map((part) => part.trim())).toEqual([
    "name: Ann\ntags: a\ntags: b\nat.city: Porto",
    "name: Bob\nage: 3",
  ]);
  expect((await read("json", '{"title": "One", "x": 1}')).title).toBe("One");
  expect((await read("ndjson", '{"a": 1}\n\n{"a": 2}\n')).text.split("\f")).toHaveLength(2);
  await expect(read("ndjson", '{"a": 1}\nnope\n')).rejects.toThrow("line 2 is not JSON");
  await expect(read("json", `${"[".repeat(10_000)}${"]".repeat(10_000)}`)).rejects.toMatchObject({ code: "KB_INGEST" });
});

test("PDF: the text and the title", async () => {
  const { text, title, mediaType } = await read(
    "pdf",
    pdf("BT /F 12 Tf 20 200 Td (The hiring plan) Tj 0 -20 Td (for the quarter) Tj ET"),
  );
  expect({ title, mediaType }).toEqual({ title: "Quarterly plan", mediaType: "text/plain" });
  expect(text.replaceAll(/\s+/g, " ")).toContain("The hiring plan for the quarter");
});

test.each<[string, ParsedFormat, () => Uint8Array]>([
  ["a PDF that is none", "pdf", () => Buffer.from("%PDF-1.7\nnothing")],
  ["a PDF without text", "pdf", () => pdf("0 0 10 10 re f")],
  ["an empty JSON file of spaces", "json", () => Buffer.from("   ")],
  ["JSON that is no UTF-8", "json", () => Buffer.from([0x22, 0xff, 0x22])],
])("%s is said to be so", async (_, format, bytes) => {
  await expect(read(format, bytes())).rejects.toMatchObject({ code: "KB_INGEST" });
});

test("a PDF bomb ends in its process, and the next file is read", async () => {
  const small = extractor({ timeoutMs: 8000, heapMib: 64 });
  try {
    // 1 GiB of text operators in a megabyte.
    const line = Buffer.from("(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj\n".repeat(16_384));
    const chunks = Buffer.concat([Buffer.from("BT /F 12 Tf "), ...Array.from({ length: 256 }, () => line), Buffer.from(" ET")]);
    await expect(small.extract("pdf", pdf(chunks))).rejects.toMatchObject({ code: "KB_INGEST" });
    expect((await small.extract("pdf", pdf("BT /F 12 Tf 20 200 Td (still here) Tj ET"))).text).toContain("still here");
  } finally {
    small.close();
  }
});

test("nested deep, long and many: an end within bounds", async () => {
  expect((await read("html", `${"<div>".repeat(100_000)}deep`)).text).toBe("deep");
  const nested = `From: a@b.c\r\nMIME-Version: 1.0\r\n${Array.from({ length: 200 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`).join("")}\r\nx`;
  await expect(read("eml", nested)).rejects.toMatchObject({ code: "KB_INGEST" });
});
