/** A plan as a person reads it. */
import { visibleLine } from "#core/visible.js";
import type { Plan, PlannedNode } from "./plan.js";

/** Lines end with LF; hidden characters in names and goals are made visible. */
export function planText(plan: Plan): string {
  const { policy } = plan;
  const header = [
    plan.name,
    ...plan.goals.map((goal) => `  goal: ${goal}`),
    `  policy: ${[
      policy.budget_tokens === null ? "no token budget" : `${policy.budget_tokens} tokens`,
      policy.timeout_ms === null ? "no time limit" : `${policy.timeout_ms} ms`,
      policy.max_parallel === null ? "" : `at most ${policy.max_parallel} at once`,
      policy.confirm_external ? "external actions are confirmed" : "external actions are NOT confirmed",
    ]
      .filter((part) => part !== "")
      .join(", ")}`,
  ];
  const levels = plan.levels.flatMap((level, index) => [`level ${index + 1}`, ...level.flatMap(nodeLines)]);
  const footer = [
    `success: ${plan.success ?? "no node fails"}`,
    ...(plan.artifacts.length > 0 ? [`artifacts: ${plan.artifacts.join(", ")}`] : []),
  ];
  return [...header, ...levels, ...footer].map((line) => `${visibleLine(line)}\n`).join("");
}

function nodeLines(node: PlannedNode): readonly string[] {
  const { retry } = node;
  const row = (name: string, values: readonly string[]): readonly string[] =>
    values.length > 0 ? [`    ${name}: ${values.join("; ")}`] : [];
  const retries =
    retry.max_attempts === 1
      ? []
      : [
          `${retry.max_attempts} attempts, ${retry.backoff_ms} ms × ${retry.multiplier} up to ${retry.max_backoff_ms} ms, ± ${retry.jitter * 100} %`,
        ];
  return [
    `  ${node.id}  ${node.agent}${node.variant === null ? "" : ` (${node.variant})`}`,
    ...row("after", node.after.length > 0 ? [node.after.join(", ")] : []),
    ...row("only if", node.guards),
    ...row("may", node.capabilities.length > 0 ? node.capabilities : ["nothing but log and state"]),
    ...row("hosts", node.hosts),
    ...row("secrets", node.secrets),
    ...row("limits", [
      `${node.timeout_ms} ms`,
      `${node.fuel} fuel`,
      `${node.memory_mib} MiB`,
      ...(node.budget_tokens === null ? [] : [`${node.budget_tokens} tokens`]),
    ]),
    ...row("retries", retries),
    ...row("asks before", node.confirms),
    ...row("does WITHOUT asking", node.unasked),
  ];
}
