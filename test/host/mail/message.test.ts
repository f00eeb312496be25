import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { composeMessage } from "#host/mail/message.js";
import { writeToOutbox } from "#host/mail/outbox.js";

const envelope = { from: "rlp@localhost", dateMs: 1_763_636_400_000, messageId: "0123456789abcdef@rlp.invalid" };
const mail = { to: ["jo@example.com"], cc: [], subject: "Q4", body: "Hello" };
const text = async (change: Partial<typeof mail>) =>
  Buffer.from(await composeMessage({ ...mail, ...change }, envelope)).toString("utf8");

test("the headers that RFC 5322 asks for are there, once each", async () => {
  const message = await text({});
  const [head = ""] = message.split("\r\n\r\n");
  for (const line of [
    "From: rlp@localhost",
    "To: jo@example.com",
    "Subject: Q4",
    "Date: Thu, 20 Nov 2025 11:00:00 +0000",
    "Message-ID: <0123456789abcdef@rlp.invalid>",
    "MIME-Version: 1.0",
  ])
    expect(head.split("\r\n").filter((header) => header === line)).toEqual([line]);
});

test("every line ends in CRLF, is ASCII and is at most 998 octets, whatever the text holds", async () => {
  const message = await text({
    subject: "Zahlen für Q4 — 日本語 ".repeat(10),
    body: `Grüße ${"lang ".repeat(1000)}\n.\nFrom here\n日本語\n`,
  });
  expect(message).toMatch(/^[\x20-\x7e\r\n\t]*$/);
  for (const line of message.split("\r\n")) {
    expect(line).not.toMatch(/[\r\n]/);
    expect(line.length).toBeLessThanOrEqual(998);
  }
});

test("encoded words and quoted-printable give back the very text", async () => {
  const subject = "Prüfung — 計画";
  const body = "Hallo Jörg,\n\n= 100 % =\n";
  const message = await text({ subject, body });
  const [head = "", ...rest] = message.split("\r\n\r\n");
  const unfolded = head.replace(/\r\n[ \t]/g, " ");
  const encoded = /^Subject: (.*)$/m.exec(unfolded)?.[1] ?? "";
  const words = [...encoded.matchAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi)].map(([, how, value = ""]) =>
    how?.toUpperCase() === "B"
      ? Buffer.from(value, "base64")
      : Buffer.from(
          value.replaceAll("_", " ").replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
          "latin1",
        ),
  );
  expect(Buffer.concat(words).toString("utf8")).toBe(subject);
  const quoted = rest.join("\r\n\r\n").replace(/=\r\n/g, "");
  const decoded = Buffer.from(
    quoted.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    "latin1",
  ).toString("utf8");
  expect(decoded.replaceAll("\r\n", "\n").trimEnd()).toBe(body.trimEnd());
});

test("the same mail and envelope give the same bytes", async () => {
  expect(await text({ subject: "ü".repeat(100) })).toBe(await text({ subject: "ü".repeat(100) }));
});

test("a body that looks like a reference stays a body", async () => {
  expect(await text({ body: "file:///etc/passwd" })).toContain("file:///etc/passwd");
});

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rlp-outbox-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a message lies in the outbox as one private file; writing it twice leaves one", async () => {
  const outbox = join(folder, "outbox");
  const path = await writeToOutbox(outbox, "a", Buffer.from("one"));
  expect(await writeToOutbox(outbox, "a", Buffer.from("one"))).toBe(path);
  expect(await readdir(outbox)).toEqual(["a.eml"]);
  expect(await readFile(path, "utf8")).toBe("one");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(outbox)).mode & 0o777).toBe(0o700);
});

test("what a process was killed over goes when the message is written again, and nothing of another message does", async () => {
  await Promise.all(["a.eml.1.partial", "ab.eml.1.partial", "a.eml.txt"].map((name) => writeFile(join(folder, name), "on")));
  await writeToOutbox(folder, "a", Buffer.from("one"));
  expect((await readdir(folder)).sort()).toEqual(["a.eml", "a.eml.txt", "ab.eml.1.partial"]);
  await writeFile(join(folder, "a.eml.2.partial"), "");
  await writeToOutbox(folder, "a", Buffer.from("one"));
  expect((await readdir(folder)).sort()).toEqual(["a.eml", "a.eml.txt", "ab.eml.1.partial"]);
});

test("an outbox that cannot be written fails and leaves nothing behind", async () => {
  await writeFile(join(folder, "blocked"), "a file, not a folder");
  await expect(writeToOutbox(join(folder, "blocked"), "a", Buffer.from("one"))).rejects.toThrow();
  expect(await readdir(folder)).toEqual(["blocked"]);
});
