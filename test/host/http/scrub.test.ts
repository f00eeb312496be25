import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Scrubber } from "#host/secrets/scrub.js";
import { environmentSecrets, variableOf } from "#host/secrets/secrets.js";

const value = 's3cr3t/+=&"canary~value?';
const scrub = (text: string, held = value): string => new Scrubber([{ id: "api/token", value: held }]).text(text);

test.each<[string, string]>([
  ["as it is", value],
  ["twice", `${value}${value}`],
  ["in JSON", JSON.stringify({ a: value })],
  ["in JSON with escaped slashes", JSON.stringify(value).replaceAll("/", "\\/")],
  ["URL-encoded", encodeURIComponent(value)],
  ["URL-encoded, lower case", encodeURIComponent(value).replace(/%../g, (escape) => escape.toLowerCase())],
  ["URL-encoded twice", encodeURIComponent(encodeURIComponent(value))],
  ["URL-encoded, every byte", Buffer.from(value).toString("hex").replace(/../g, "%$&")],
  ["as a form", new URLSearchParams({ a: value }).toString()],
  ["in HTML", value.replaceAll("&", "&amp;").replaceAll('"', "&quot;")],
  ["in hexadecimal", Buffer.from(value).toString("hex")],
  ["in capital hexadecimal", Buffer.from(value).toString("hex").toUpperCase()],
  ["in base64", Buffer.from(value).toString("base64")],
  ["in base64url", Buffer.from(value).toString("base64url")],
  ["reversed", [...value].reverse().join("")],
  ["in UTF-16", Buffer.from(value, "utf16le").toString("latin1")],
])("a secret is taken out %s", (_, text) => {
  const left = scrub(`before ${text} after`);
  expect(left).toMatch(/^before .*\[secret:api\/token\].* after$/s);
  for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString("base64").slice(0, 20)])
    expect(left).not.toContain(form);
});

test("in base64 wherever it stands in the whole", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ maxLength: 12 }), (before, after) => {
      const whole = Buffer.concat([before, Buffer.from(value), after]);
      for (const encoding of ["base64", "base64url"] as const) {
        const left = scrub(whole.toString(encoding));
        expect(left).toContain("[secret:api/token]");
        // At most the ends, which hold bits of the neighbours, are left: not three characters of the secret.
        expect(Buffer.from(left.split("[secret:api/token]")[1] ?? "", encoding).toString("latin1")).not.toContain(
          value.slice(-4),
        );
      }
    }),
  );
});

test("the parts of a value that a scheme joins: `Bearer x`, `Basic base64(user:password)`", () => {
  expect(scrub("token was abcdefghijkl", "Bearer abcdefghijkl")).toBe("token was [secret:api/token]");
  const basic = `Basic ${Buffer.from("someone:open sesame").toString("base64")}`;
  expect(scrub("hello someone, your password is open sesame", basic)).not.toContain("sesame");
});

test("bytes that are no text stay as they are around it, and untouched where there is nothing to find", async () => {
  const scrubber = new Scrubber([{ id: "t", value }]);
  const noise = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  expect(await scrubber.bytes(noise, 1000)).toBe(noise);
  expect(await scrubber.bytes(Buffer.concat([noise, Buffer.from(value), noise]), 1000)).toEqual(
    Buffer.concat([noise, Buffer.from("[secret:t]"), noise]),
  );
});

test("what stands for a secret cannot be made to fill the memory", async () => {
  const scrubber = new Scrubber([{ id: "a".repeat(128), value: "12345678" }]);
  const whole = Buffer.from("12345678".repeat(100_000));
  expect(await scrubber.bytes(whole, whole.length)).toBeNull();
  const one = Buffer.from("x12345678x");
  expect((await scrubber.bytes(one, 1000))?.toString()).toBe(`x[secret:${"a".repeat(128)}]x`);
  // A short name makes the text shorter, and that is never too long.
  const short = new Scrubber([{ id: "a", value: "1234567890123456" }]);
  expect((await short.bytes(Buffer.from("1234567890123456".repeat(3)), 48))?.toString()).toBe("[secret:a]".repeat(3));
});

test("variables are named after ids; an empty one is none", () => {
  expect(variableOf("runloop/mail.smtp-2")).toBe("RUNLOOP_SECRET_RUNLOOP_MAIL_SMTP_2");
  const secrets = environmentSecrets({ RUNLOOP_SECRET_A: "value", RUNLOOP_SECRET_B: "" });
  expect([secrets.get("a"), secrets.get("b"), secrets.get("c")]).toEqual(["value", undefined, undefined]);
});
