import { join } from "node:path";
import { expect, test } from "vitest";
import { locateHome } from "#host/config/home.js";

test.each([
  ["--home before everything", { flag: "here", env: { RUNLOOP_HOME: "/var/other", HOME: "/home/ada" } }, "/srv/here", true],
  ["RUNLOOP_HOME", { env: { RUNLOOP_HOME: "/var/other", HOME: "/home/ada" } }, "/var/other", true],
  ["a relative RUNLOOP_HOME", { env: { RUNLOOP_HOME: ".rlp/home" } }, "/srv/.rlp/home", true],
  ["a tilde that no shell has expanded", { flag: "~/x", env: { HOME: "/home/ada" } }, "/home/ada/x", true],
  ["the user's folder", { env: { HOME: "/home/ada" } }, "/home/ada/.runloop", false],
  ["an empty RUNLOOP_HOME is none", { env: { RUNLOOP_HOME: "", HOME: "/home/ada" } }, "/home/ada/.runloop", false],
  ["Windows", { env: { USERPROFILE: "/users/ada" } }, "/users/ada/.runloop", false],
])("the home is found: %s", (_, place, root, named) => {
  const home = locateHome({ cwd: "/srv", ...place });
  expect(home.root).toBe(root);
  expect(home.named).toBe(named);
  expect(home.kbRoot).toBe(join(root, "pog"));
});

test("with neither, there is an error with a way out", () => {
  expect(() => locateHome({ cwd: "/srv", env: {} })).toThrow(
    expect.objectContaining({ code: "USAGE_CONFIG", hint: expect.stringContaining("--home DIR") }),
  );
  expect(() => locateHome({ cwd: "/srv", flag: "", env: { HOME: "/home/ada" } })).toThrow("--home is empty");
});
