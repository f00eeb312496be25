/** What a fresh clone installs: nothing that needs a compiler, a question, or an address that only one machine knows. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  readonly name: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
const locked = (JSON.parse(read("package-lock.json")) as { packages: Record<string, Locked> }).packages;

/** The entry that `name` resolves to from the package at `path`, as Node looks for it: upwards. */
function resolved(path: string, name: string): Locked | undefined {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const found = locked[`${at === "" ? "" : `${at}/`}node_modules/${name}`];
    if (found !== undefined || at === "") return found;
  }
}

test("the lock file holds no registry address", () => {
  expect(Object.entries(locked).filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
  expect(read("package-lock.json")).not.toMatch(/registry\.|\.tgz/);
});

test("the lock file names every dependency with a version, those of other systems too: `npm ci` refuses one that does not", () => {
  const missing = Object.entries(locked).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => resolved(path, name)?.version === undefined)
      .map((name) => `${path} → ${name}`),
  );
  expect(missing).toEqual([]);
});

test("every package with an install script is named in allowScripts, and none may run", () => {
  const scripted = Object.entries(locked).filter(([, entry]) => entry.hasInstallScript === true);
  for (const [path] of scripted) expect(manifest.allowScripts).toHaveProperty(path.slice(path.lastIndexOf("node_modules/") + 13));
  expect(Object.values(manifest.allowScripts)).not.toContain(true);
});

test("the package does not carry the name `rlp`, which belongs to somebody else", () => {
  expect(manifest.name).not.toBe("rlp");
});

test.each(Object.entries(manifest.bin))("%s is a script that can be executed", (_name, path) => {
  expect(existsSync(join(root, path))).toBe(true);
  expect(read(path).startsWith("#!/usr/bin/env node\n")).toBe(true);
  if (process.platform !== "win32") expect(statSync(join(root, path)).mode & 0o111).toBe(0o111);
});
