/** Which version is newer (semver.org, 11). */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareVersions, VERSION } from "#host/component/version.js";

const ascending = [
  "0.0.1",
  "0.0.10",
  "0.2.0",
  "0.10.0",
  "1.0.0-0",
  "1.0.0-9",
  "1.0.0-10",
  "1.0.0--",
  "1.0.0-RC",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1-a",
  "2.0.0",
  "10.0.0",
  "999999999.0.0",
];

test("in the order of the specification", () => {
  for (const one of ascending) expect(one).toMatch(VERSION);
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries()) expect(Math.sign(compareVersions(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
});

test.each([
  "1.0",
  "1",
  "v1.0.0",
  "01.0.0",
  "1.00.0",
  "1.0.0-",
  "1.0.0-01",
  "1.0.0-a..b",
  "1.0.0+build",
  "1.0.0 ",
  "1.0.0-é",
  "9999999999.0.0",
  "1.0.0/../x",
])("%j is no version", (text) => expect(text).not.toMatch(VERSION));

test("a total order", () => {
  const number = fc.nat(12).map(String);
  const pre = fc.oneof(number, fc.constantFrom("a", "b", "rc", "-", "1a"));
  const version = fc
    .tuple(number, number, number, fc.array(pre, { maxLength: 3 }))
    .map(([a, b, c, rest]) => `${a}.${b}.${c}${rest.length > 0 ? `-${rest.join(".")}` : ""}`);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) || 0);
      if (compareVersions(a, b) === 0) expect(a).toBe(b);
      if (compareVersions(a, b) < 0 && compareVersions(b, c) < 0) expect(compareVersions(a, c)).toBeLessThan(0);
    }),
  );
});
