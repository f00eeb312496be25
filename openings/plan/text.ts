/** A plan as a person reads it. */
import { visibleLine } from "#core/visible.js";
import type { Amount } from "./amount.js";
import type { Cost, Reach } from "./cost.js";
import type { Plan, PlannedNode, PlannedPath } from "./plan.js";

/** Ways through that are shown; more are counted. */
const SHOWN = 10;

/** Lines end with LF; hidden characters in names and goals are made visible. */
export function planText(plan: Plan): string {
  return planLines(plan)
    .map((line) => `${visibleLine(line)}\n`)
    .join("");
}

function planLines(plan: Plan): readonly string[] {
  return [
    plan.name,
    ...plan.goals.map((goal) => `  goal: ${goal}`),
    `  policy: ${policyText(plan.policy)}`,
    ...plan.levels.flatMap((level, index) => [`level ${index + 1}`, ...level.flatMap(nodeLines)]),
    ...(plan.path_count > 1 ? pathLines(plan) : []),
    `success: ${plan.success ?? "no node fails"}`,
    ...(plan.artifacts.length > 0 ? [`artifacts: ${plan.artifacts.join(", ")}`] : []),
    "at worst, all together",
    ...costLines(plan.worst, plan.unbudgeted).map((line) => `  ${line}`),
    ...reachLines(plan).map((line) => `  ${line}`),
  ];
}

function policyText(policy: Plan["policy"]): string {
  const { budget_microusd: microusd, budget_fuel: fuel } = policy;
  return [
    policy.budget_tokens === null ? "no token budget" : `${policy.budget_tokens} tokens`,
    ...(microusd === undefined ? [] : [dollars(microusd)]),
    ...(fuel === undefined ? [] : [`${fuel} fuel`]),
    policy.timeout_ms === null ? "no time limit" : `${policy.timeout_ms} ms`,
    ...(policy.max_parallel === null ? [] : [`at most ${policy.max_parallel} at once`]),
    ...(policy.on_failure === "stop" ? ["stops at the first failure"] : []),
    policy.confirm_external ? "external actions are confirmed" : "external actions are NOT confirmed",
  ].join(", ");
}

function nodeLines(node: PlannedNode): readonly string[] {
  const { retry, opening } = node;
  const row = (name: string, values: readonly string[]): readonly string[] =>
    values.length > 0 ? [`    ${name}: ${values.join("; ")}`] : [];
  const elements = node.elements === null ? "" : ` (${node.elements})`;
  const each =
    node.for_each === null
      ? []
      : [`element of ${node.for_each}${elements}`, ...(node.max_parallel === null ? [] : [`${node.max_parallel} at once`])];
  const retries =
    retry.max_attempts === 1
      ? []
      : [
          `${retry.max_attempts} attempts, ${retry.backoff_ms} ms × ${retry.multiplier} up to ${retry.max_backoff_ms} ms, ± ${retry.jitter * 100} %`,
        ];
  return [
    `  ${node.id}  ${opening ? `opening ${opening.name}` : `${node.agent ?? ""}${node.variant === null ? "" : ` (${node.variant})`}`}`,
    ...row("after", node.after.length > 0 ? [node.after.join(", ")] : []),
    ...row("only if", [...node.guards, ...(node.recovers.length > 0 ? [`${node.recovers.join(" or ")} failed`] : [])]),
    ...row("for each", each),
    ...row("may", node.capabilities.length > 0 ? node.capabilities : ["nothing but log and state"]),
    ...reachLines(node).map((line) => `    ${line}`),
    ...row("limits of an attempt", [
      ...(node.timeout_ms === null ? [] : [`${node.timeout_ms} ms`]),
      ...(node.fuel === null ? [] : [`${node.fuel} fuel`]),
      ...(node.memory_mib === null ? [] : [`${node.memory_mib} MiB`]),
    ]),
    ...row("budgets", [
      ...(node.budget_tokens === null ? [] : [`${node.budget_tokens} tokens`]),
      ...(node.budget_microusd === null ? [] : [dollars(node.budget_microusd)]),
      ...(node.budget_fuel === null ? [] : [`${node.budget_fuel} fuel`]),
    ]),
    ...row("retries", retries),
    ...row("at worst", [costText(node.worst)]),
    ...row("if it fails", node.on_error === null ? [] : [`${node.on_error} takes over`]),
    ...(opening ? planLines(opening).map((line) => `    │ ${line}`) : []),
  ];
}

function reachLines({ hosts, secrets, writes, approvals, unasked }: Reach): readonly string[] {
  const row = (name: string, values: readonly string[]): readonly string[] =>
    values.length > 0 ? [`${name}: ${values.join("; ")}`] : [];
  return [
    ...row("hosts", hosts),
    ...row("secrets", secrets),
    ...row("writes", writes),
    ...row("asks before", approvals),
    ...row("does WITHOUT asking", unasked),
  ];
}

function pathLines({ paths, path_count: count }: Plan): readonly string[] {
  const shown = paths.slice(0, SHOWN);
  return [
    `ways through: ${count}`,
    ...shown.flatMap((path) => [
      `  ${wayText(path)}`,
      `    at worst: ${costText(path.worst)}`,
      ...reachLines(path).map((line) => `    ${line}`),
    ]),
    ...(count > shown.length ? [`  … ${count - shown.length} more`] : []),
  ];
}

/** Long ones show their beginning and their end. */
function wayText({ nodes }: PlannedPath): string {
  const shown = nodes.length <= 12 ? nodes : [...nodes.slice(0, 6), `… ${nodes.length - 12} more …`, ...nodes.slice(-6)];
  return shown.join(" → ");
}

/** Behind a name no unit has to be said but that of time. */
const FIGURES: Readonly<Record<keyof Cost, (amount: number) => string>> = {
  tokens: String,
  microusd: dollars,
  fuel: String,
  ms: (amount) => `${amount} ms`,
};
const UNITS: typeof FIGURES = { ...FIGURES, tokens: (amount) => `${amount} tokens`, fuel: (amount) => `${amount} fuel` };
const NAMES: Readonly<Record<keyof Cost, string>> = { tokens: "tokens", microusd: "dollars", fuel: "fuel", ms: "time" };
const KEYS = ["tokens", "microusd", "fuel", "ms"] as const;

const costText = (cost: Cost): string =>
  KEYS.map((key) => (cost[key] === null ? `no limit of ${NAMES[key]}` : amountText(cost[key], UNITS[key]))).join(", ");

/** `2000 fuel and 500 for each element of a/b`. */
function amountText(amount: Amount, figure: (amount: number) => string): string {
  if (amount === null) return "no limit";
  const each = Object.entries(amount.each).map(([node, count]) => `${figure(count)} for each element of ${node}`);
  return [...(amount.fixed > 0 || each.length === 0 ? [figure(amount.fixed)] : []), ...each].join(" and ");
}

function costLines(worst: Cost, unbudgeted: Cost): readonly string[] {
  return KEYS.map((key) => {
    const held = JSON.stringify(worst[key]) === JSON.stringify(unbudgeted[key]);
    const without = held ? "" : ` (the budget; without it ${amountText(unbudgeted[key], FIGURES[key])})`;
    return `${NAMES[key]}: ${amountText(worst[key], FIGURES[key])}${without}`;
  });
}

/** Down to a millionth, without zeros that say nothing. */
function dollars(micro: number): string {
  return `$${(micro / 1e6).toFixed(6).replace(/\.?0+$/, "")}`;
}
