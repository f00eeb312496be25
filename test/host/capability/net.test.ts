import { expect, test } from "vitest";
import { mayFetch, maySend } from "#host/capability/net.js";
import { parsePolicy } from "#host/capability/policy.js";

const grant = parsePolicy(
  Buffer.from(`
    net = [
      "example.com", "example.org:8443", "*.example.net", "127.0.0.1:8080", "localhost", "[::1]:9000", "xn--mnchen-3ya.example",
      {host = "api.example.com", methods = ["GET", "POST"], paths = ["/v1", "/open/"]},
      {host = "api.example.com", methods = ["DELETE"], paths = ["/bin/"]},
    ]
    secrets = [
      {id = "token", hosts = ["api.example.com", "*.example.net"]},
      {id = "local", hosts = ["127.0.0.1:8080", "example.com"]},
    ]`),
  "policy.caps",
);
const may = (text: string, method = "GET") => mayFetch(grant, new URL(text), method) === null;

test.each<[string, boolean]>([
  ["https://example.com/", true],
  ["http://example.com/", true],
  ["https://EXAMPLE.com/any?thing", true],
  ["https://example.com:443/", true],
  ["https://example.com:80/", false],
  ["http://example.com:8080/", false],
  ["https://example.com./", false],
  ["https://example.com.evil.example/", false],
  ["https://evil-example.com/", false],
  ["https://sub.example.com/", false],
  ["https://example.org/", false],
  ["https://example.org:8443/", true],
  ["https://a.example.net/", true],
  ["https://a.b.example.net/", true],
  ["https://example.net/", false],
  ["https://.example.net/", false],
  ["https://aexample.net/", false],
  ["http://127.0.0.1:8080/", true],
  ["http://0x7f.1:8080/", true],
  ["http://2130706433:8080/", true],
  ["http://0177.0.0.1:8080/", true],
  ["http://127.0.0.1/", false],
  ["http://127.0.0.2:8080/", false],
  ["http://[::ffff:127.0.0.1]:8080/", false],
  ["http://[::1]:9000/", true],
  ["http://[0:0:0:0:0:0:0:1]:9000/", true],
  ["http://localhost/", true],
  ["http://localhost./", false],
  ["http://münchen.example/", true],
  ["http://ⓔxample.com/", true],
  ["https://example。com/", true],
  ["http://169.254.169.254/", false],
])("%s: %s", (url, allowed) => {
  expect(may(url)).toBe(allowed);
});

test.each<[string, string, boolean]>([
  ["GET", "/v1", true],
  ["GET", "/v1/", true],
  ["POST", "/v1/users?x=/../..", true],
  ["GET", "/v10", false],
  ["GET", "/", false],
  ["GET", "/open", false],
  ["GET", "/open/x", true],
  ["PUT", "/v1/x", false],
  ["DELETE", "/v1/x", false],
  ["DELETE", "/bin/x", true],
  ["GET", "/bin/x", false],
  ["GET", "/v1/../bin/x", false],
  ["GET", "/v1/%2e%2e/bin", false],
  ["GET", "/v1/..%2fbin", false],
  ["GET", "/v1/%2e%2e%2fbin", false],
  ["GET", "/v1/..%5cbin", false],
  ["GET", "/v1/..%252fbin", false],
  ["GET", "/v1/%25252e%25252e/bin", false],
  ["GET", "/v1/..;/bin", false],
  ["GET", "/v1/%2e%2e;x=1/bin", false],
  ["GET", "/v1\\..\\bin", false],
  ["GET", "/v1/a%00b", false],
  ["GET", "//v1/x", false],
  ["GET", "/v1/a%2fb", true],
  ["GET", "/v1/..a", true],
  ["GET", "/V1/x", false],
])("%s %s under its prefixes: %s", (method, path, allowed) => {
  expect(may(`https://api.example.com${path}`, method)).toBe(allowed);
});

test("a denial says what is missing: the host, the method or the path", () => {
  expect(mayFetch(grant, new URL("https://evil.example/x"), "GET")).toMatchObject({ cap: "net", target: "evil.example" });
  expect(mayFetch(grant, new URL("https://api.example.com/v1"), "PUT")?.reason).toContain("PUT");
  expect(mayFetch(grant, new URL("https://api.example.com/else"), "GET")?.reason).toContain("path");
});

test.each<[string, string, boolean]>([
  ["token", "https://api.example.com/v1", true],
  ["token", "https://b.example.net/", true],
  ["token", "http://api.example.com/v1", false],
  ["token", "https://api.example.com:8443/v1", false],
  ["token", "https://example.com/", false],
  ["local", "http://127.0.0.1:8080/", true],
  ["local", "http://example.com/", false],
  ["nobody's", "https://api.example.com/v1", false],
])("the secret `%s` to %s: %s", (id, url, allowed) => {
  expect(maySend(grant, id, new URL(url)) === null).toBe(allowed);
});

test.each([
  ["127.1", /spelled `127\.0\.0\.1`/],
  ["0x7f.0.0.1", /spelled `127\.0\.0\.1`/],
  ["017700000001", /spelled `127\.0\.0\.1`/],
  ["*.0.0.1", /cannot be one of addresses/],
  ["*.1", /cannot be one of addresses/],
  ["xn--zzzzzz-.example", /not/],
])("a policy cannot name the host %s", (host, message) => {
  expect(() => parsePolicy(Buffer.from(`net = [{host = "${host}"}]`), "policy.caps")).toThrow(message);
});

test("IPv6 hosts and paths are kept as URLs spell them", () => {
  const { net } = parsePolicy(Buffer.from(`net = [{host = "[0:0::1]:80", paths = ["/a/../ü", "//b"]}]`), "policy.caps");
  expect(net).toEqual([{ host: "[::1]", port: 80, methods: null, paths: ["/%C3%BC", "/b"] }]);
});
