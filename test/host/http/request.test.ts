import { expect, test } from "vitest";
import { checkRequest } from "#host/http/request.js";
import { guestRequest } from "./world.js";

const refusal = (asked: Parameters<typeof guestRequest>[0]): string => {
  try {
    checkRequest(guestRequest(asked));
  } catch (error) {
    return `${(error as { error: { code: string } }).error.code}: ${(error as Error).message}`;
  }
  throw new Error("it was taken");
};

test.each([
  "ftp://api.example.com/",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "data:text/plain,x",
  "gopher://api.example.com:70/_x",
  "//api.example.com/",
  "/relative",
  "api.example.com",
  "",
  "http://",
  "http:///",
  "http://user@api.example.com/",
  "http://user:password@api.example.com/",
  "http://:@api.example.com/",
  "http://@api.example.com/",
  "http:\\\\@api.example.com/",
  "http://api.example.com@evil.example/",
  "http://evil.example\\@api.example.com/",
  "http://api.example.com:0/",
  "http://api.example.com:99999/",
  "http://api.exa\tmple.com/",
  "http://api.example.com/a\r\nHost: evil.example",
  "http://api.example.com/a b",
  " http://api.example.com/",
  "http://[::1",
  "http://[fe80::1%25eth0]/",
  "http://256.256.256.256/",
  "http://exa%00mple.com/",
  "http://exa%2fmple.com/",
  "http://example.0x7g1.1/",
  `http://${"a.".repeat(121)}example/`,
  `http://api.example.com/${"a".repeat(8200)}`,
])("the URL %j is refused, or is what it says", (url) => {
  // `\` is a slash to the parser: then the host is the part before it, and no credentials are there.
  if (url === "http://evil.example\\@api.example.com/") {
    expect(checkRequest(guestRequest({ url })).url.hostname).toBe("evil.example");
    return;
  }
  expect(refusal({ url })).toMatch(/^invalid: /);
});

test.each([
  ["HTTP://API.EXAMPLE.COM:80/x#part", "http://api.example.com/x"],
  ["http://0x7f.1/", "http://127.0.0.1/"],
  ["http://2130706433/", "http://127.0.0.1/"],
  ["http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/"],
  ["http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"],
  ["http://bücher.example/ä?ö", "http://xn--bcher-kva.example/%C3%A4?%C3%B6"],
  ["http://api.example.com/a/../b", "http://api.example.com/b"],
])("%s is parsed once, to %s", (url, parsed) => {
  expect(checkRequest(guestRequest({ url })).url.href).toBe(parsed);
});

test.each(["get", "CONNECT", "TRACE", "", "GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET", "G ET"])("no method: %j", (method) => {
  expect(refusal({ method })).toMatch(/^invalid: the method/);
});

test.each([
  "Host",
  "CONTENT-LENGTH",
  "transfer-encoding",
  "Connection",
  "Keep-Alive",
  "TE",
  "Trailer",
  "Upgrade",
  "Expect",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Via",
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "Sec-Fetch-Site",
  "Accept-Encoding",
  "Idempotency-Key",
  "X-HTTP-Method-Override",
  "X-Original-URL",
])("the header %s is the host's", (name) => {
  expect(refusal({ headers: { [name]: "x" } })).toMatch(/^invalid: the header .* is the host's to set/);
  expect(refusal({ headers: { [name]: { secret: "token" } } })).toMatch(/^invalid: /);
});

test.each(["a b", "a:b", "a\r\nb", "", "ä", "a\0", "a(b)", "x".repeat(200)])("no header name: %j", (name) => {
  expect(refusal({ headers: { [name]: "x" } })).toMatch(/^invalid: /);
});

test.each(["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "ä", "\u{1f600}", " a", "a ", "\ta", "a\u007f", "a\u0085b", "a\u2028b"])(
  "no header value: %j",
  (value) => {
    expect(refusal({ headers: { "x-thing": value } })).toMatch(/^invalid: the value of `x-thing`/);
  },
);

test("a header once, not too many, not too long", () => {
  expect(refusal({ headers: { "X-A": "1", "x-a": "2" } })).toContain("twice");
  expect(refusal({ headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x-${i}`, "1"])) })).toContain(
    "more than 64",
  );
  expect(refusal({ headers: { "x-a": "a".repeat(10_000), "x-b": "b".repeat(10_000) } })).toContain("bytes");
  expect(checkRequest(guestRequest({ headers: { Accept: "text/plain", __proto__x: "a\tb c" } })).headers).toEqual([
    { name: "accept", value: { tag: "text", val: "text/plain" } },
    { name: "__proto__x", value: { tag: "text", val: "a\tb c" } },
  ]);
});

test("bodies: none where a method only looks, and not too long", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) expect(refusal({ method, body: "x" })).toContain("no body");
  expect(refusal({ method: "POST", body: "x".repeat((1 << 20) + 1) })).toContain("limit");
  expect(checkRequest(guestRequest({ method: "DELETE", body: "x" })).body.toString()).toBe("x");
});
