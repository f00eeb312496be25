/**
 * Agents that tests write are strangers to the homes of tests. Where the machine gives less than the full cage they are accepted,
 * each by its component, so that what they try is tried there, too.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "#core/digest.js";
import { climb } from "#host/sandbox/isolation/ladder.js";

const written = new Map<string, Digest>();
const isWhole = (await climb("strongest")).lacks === null;

export function remember(name: string, component: Digest): void {
  written.set(name, component);
}

export function accept(home: string): void {
  if (isWhole || written.size === 0) return;
  const tables = [...written].map(([name, digest]) => `[agents.${name}]\nisolation = "reduced"\ndigest = "${digest}"\n`);
  writeFileSync(join(home, "trust-policy.toml"), `version = 1\n${tables.join("")}`, { mode: 0o600 });
}
