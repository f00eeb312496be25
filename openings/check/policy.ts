/** What a node may ask for within the policy of its opening: tokens, and acting without a person. */
import { quoted } from "../language/diagnostic.js";
import type { Budget, Draft } from "../language/draft.js";
import { mapEntry } from "../language/value.js";
import type { CheckContext } from "./context.js";
import { CONFIRM } from "./with.js";

const WHOLE: Readonly<Record<Budget, (policy: Draft["policy"]) => number | null>> = {
  tokens: (policy) => policy.budget_tokens,
  microusd: (policy) => policy.budget_microusd ?? null,
  fuel: (policy) => policy.budget_fuel ?? null,
};

const AMOUNT: Readonly<Record<Budget, (amount: number) => string>> = {
  tokens: (amount) => `${amount} tokens`,
  microusd: (amount) => `$${amount / 1e6}`,
  fuel: (amount) => `${amount} instructions`,
};

export function checkBudgets({ report, draft }: CheckContext): void {
  for (const unit of Object.keys(WHOLE) as Budget[]) {
    const whole = WHOLE[unit](draft.policy);
    if (whole === null) continue;
    for (const { id, budgets } of draft.nodes) {
      const own = budgets[unit];
      if (own && own.value > whole)
        report.error(
          "OPENING_BUDGET",
          own.span,
          `${id === null ? "a node" : quoted(id)} may use ${AMOUNT[unit](own.value)}, its opening only ${AMOUNT[unit](whole)}`,
        );
    }
  }
}

export function checkConfirmations({ report, draft }: CheckContext): void {
  if (!draft.policy.confirm_external) return;
  for (const { id, with: given } of draft.nodes) {
    const entry = given.tree ? mapEntry(given.tree, CONFIRM) : undefined;
    const off = given.value ? Object.hasOwn(given.value, CONFIRM) && given.value[CONFIRM] === false : false;
    if (!entry || !off) continue;
    const message = `${id === null ? "a node" : quoted(id)} turns ${quoted(CONFIRM)} off, and the policy's \`confirm_external\` is on`;
    report.error(
      "OPENING_CONFIRM",
      entry.value.span,
      message,
      "take the key out, or set `confirm_external: false` for the whole opening",
    );
  }
}
