// `npm test`: types, lint, format, then the tests. All of them run, whatever fails, and the last line counts.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foreground } from "./node.cjs";

const CHECKS = [
  { name: "types", args: ["node_modules/typescript/bin/tsc", "-p", "test", "--noEmit"] },
  { name: "lint", args: ["node_modules/oxlint/bin/oxlint", "--deny-warnings"] },
  { name: "format", args: ["node_modules/oxfmt/bin/oxfmt", "--check", "**/*.ts", "**/*.tsx", "bin/*.mjs", "bin/*.cjs"] },
];

/** Runs everything and sets the exit code. `args` go to vitest (`npm test -- test/core`). */
export async function test(node, args) {
  const folder = mkdtempSync(join(tmpdir(), "rlp-test-"));
  const counts = join(folder, "counts.json");
  const failedChecks = [];
  let passed = 0;
  let failed = 0;
  try {
    for (const check of CHECKS) {
      process.stdout.write(`\n> ${check.name}\n`);
      if ((await ended(node, check.args, process.env)) !== 0) failedChecks.push(check.name);
    }
    process.stdout.write("\n> tests\n");
    const vitest = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=./test/reporter.ts", ...args];
    const code = await ended(node, vitest, { ...process.env, RLP_TEST_COUNTS: counts });
    const counted = read(counts);
    passed = counted.passed;
    failed = counted.failed;
    // A crash, an error outside of any test, a run without tests: nothing that is counted, and yet not good.
    if (code !== 0 && failed === 0) failedChecks.push("vitest");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (failedChecks.length > 0) process.stdout.write(`\nfailed: ${failedChecks.join(", ")}\n`);
  failed += failedChecks.length;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 0 };
  }
}

function ended(command, args, env) {
  return new Promise((resolve) => foreground(command, args, { env }, (code, signal) => resolve(signal || code)));
}
