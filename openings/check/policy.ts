/** What a node may ask for within the policy of its opening: tokens, and acting without a person. */
import { quoted } from "../language/diagnostic.js";
import { mapEntry } from "../language/value.js";
import type { CheckContext } from "./context.js";
import { CONFIRM } from "./with.js";

export function checkBudgets({ report, draft }: CheckContext): void {
  const whole = draft.policy.budget_tokens;
  if (whole === null) return;
  for (const { id, budget_tokens: own } of draft.nodes)
    if (own && own.value > whole)
      report.error(
        "OPENING_BUDGET",
        own.span,
        `${id === null ? "a node" : quoted(id)} may use ${own.value} tokens, its opening only ${whole}`,
      );
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
