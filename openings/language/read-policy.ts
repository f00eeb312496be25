/** `policy:` and the `retry:` block of a node. */
import type { Opening, Retry } from "../ir.js";
import { Fields, oneOf } from "./fields.js";
import type { Reporter } from "./reporter.js";
import type { MapTree } from "./tree.js";
import { policyKeys, retryKeys } from "./vocabulary.js";

export function readPolicy(
  report: Reporter,
  tree: MapTree | undefined,
  defaults: { confirm_external: boolean },
): Opening["policy"] {
  const none = { budget_tokens: null, timeout_ms: null, confirm_external: defaults.confirm_external, max_parallel: null };
  if (!tree) return none;
  const fields = new Fields(report, tree, { what: "the policy", keys: policyKeys });
  const failure = fields.entry("on_failure");
  const onFailure = failure && oneOf(report, failure.value, "`on_failure`", ["stop", "continue"] as const);
  const microusd = fields.dollars("budget_usd");
  const fuel = fields.integer("budget_fuel");
  return {
    budget_tokens: fields.integer("budget_tokens") ?? null,
    timeout_ms: fields.integer("timeout_ms") ?? null,
    confirm_external: fields.boolean("confirm_external") ?? defaults.confirm_external,
    max_parallel: fields.integer("max_parallel") ?? null,
    ...(microusd !== undefined && { budget_microusd: microusd }),
    ...(fuel !== undefined && { budget_fuel: fuel }),
    ...(onFailure !== undefined && { on_failure: onFailure }),
  };
}

/** Without a block: one attempt. The other defaults hold where a block leaves them out. */
export const oneAttempt: Retry = { max_attempts: 1, backoff_ms: 100, multiplier: 2, max_backoff_ms: 30_000, jitter: 0.2 };

export function readRetry(report: Reporter, tree: MapTree | undefined): Retry {
  if (!tree) return oneAttempt;
  const fields = new Fields(report, tree, { what: "a `retry` block", keys: retryKeys });
  if (!fields.entry("max_attempts")) {
    const message = "a `retry` block without `max_attempts` makes one attempt";
    report.warn("OPENING_MISSING_KEY", fields.span, message, "add `max_attempts: 3`, say");
  }
  return {
    max_attempts: fields.integer("max_attempts") ?? oneAttempt.max_attempts,
    backoff_ms: fields.integer("backoff_ms") ?? oneAttempt.backoff_ms,
    multiplier: fields.number("multiplier") ?? oneAttempt.multiplier,
    max_backoff_ms: fields.integer("max_backoff_ms") ?? oneAttempt.max_backoff_ms,
    jitter: fields.number("jitter") ?? oneAttempt.jitter,
  };
}
