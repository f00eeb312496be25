/** Hard limits: what a `policy` section of the system's file says, lower layers can make stricter and never looser. */
import { formatPlace, UsageError } from "#core/errors.js";
import type { Json } from "#core/json.js";
import type { Opening } from "#openings/ir.js";
import type { ConfigIssue } from "./issue.js";
import type { Layer, Setting } from "./layer.js";
import { leaves } from "./keys.js";

/** How a key's values are ordered: the position of a value, larger = looser. */
type Order = (value: Json) => number;

const strictIfTrue: Order = (value) => (value === true ? 0 : 1);
const strictIfFalse: Order = (value) => (value === false ? 0 : 1);
/** null = no limit. */
const smaller: Order = (value) => (typeof value === "number" ? value : Infinity);

const orders: Readonly<Record<string, Order>> = {
  "security.confirm_external_actions": strictIfTrue,
  "security.allow_unsigned_agents": strictIfFalse,
  "security.caps.audit_on_allow": strictIfTrue,
  "security.caps.audit_on_deny": strictIfTrue,
  "runtime.isolation": (value) => ["bubblewrap", "namespaces", "strongest", "reduced"].indexOf(String(value)),
  "runtime.max_agents": smaller,
  "runtime.workers": smaller,
  "models.broker.budgets.default_tokens": smaller,
  "models.broker.budgets.per_request_tokens_cap": smaller,
  "models.broker.budgets.hard_cap_usd": smaller,
  "kb.redaction": strictIfTrue,
  ...Object.fromEntries([...leaves.keys()].filter((key) => key.startsWith("limits.")).map((key) => [key, smaller])),
};

/** Issues of limits for keys that have no stricter and looser. */
export function unlimitable(policy: ReadonlyMap<string, Setting>): ConfigIssue[] {
  return [...policy]
    .filter(([key]) => !Object.hasOwn(orders, key))
    .map(([key, { place }]) => ({
      message: `\`policy.${key}\`: this key cannot be limited`,
      place,
      hint: `keys that can: ${Object.keys(orders).join(", ")}`,
    }));
}

/** Issues of settings that are looser than their limit; each names both places. */
export function loosened(policy: ReadonlyMap<string, Setting>, layers: readonly Layer[]): ConfigIssue[] {
  return layers.flatMap(({ settings }) =>
    [...settings]
      .filter(([key, { value }]) => isLooser(policy, key, value))
      .map(([key, { place }]) => {
        const limit = policy.get(key);
        return {
          message: `\`${key}\` is looser than the system's limit (${JSON.stringify(limit?.value)}, ${formatPlace(limit?.place)})`,
          place,
          hint: "lower layers can make it stricter only; remove this setting",
        };
      }),
  );
}

export function isLooser(policy: ReadonlyMap<string, Setting>, key: string, value: Json): boolean {
  const limit = policy.get(key);
  const order = Object.hasOwn(orders, key) ? orders[key] : undefined;
  return limit !== undefined && order !== undefined && order(value) > order(limit.value);
}

/** Throws `USAGE_CONFIG` where an opening loosens a hard limit: it names both. */
export function holdOpening(limits: ReadonlyMap<string, Json>, opening: Pick<Opening, "name" | "policy">, file: string): void {
  if (limits.get("security.confirm_external_actions") !== true || opening.policy.confirm_external) return;
  throw new UsageError(
    "USAGE_CONFIG",
    `\`policy.confirm_external: false\` of ${opening.name} is looser than the system's limit (security.confirm_external_actions: true)`,
    {
      place: { file },
      hint: "remove `confirm_external` from the opening; `rlp config path --all` shows where the limit stands",
    },
  );
}
