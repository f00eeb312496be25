/** `caps` of a node narrows what its agent may do, and never widens it. */
import { beyond } from "../grant/narrow.js";
import type { Grant } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import { mapEntry } from "../language/value.js";
import { visibleLine } from "#core/visible.js";
import type { CheckContext } from "./context.js";

export function checkCaps({ report, agentOf }: CheckContext): void {
  for (const [node, agent] of agentOf) {
    if (!node.caps) continue;
    const { value, tree } = node.caps;
    for (const key of Object.keys(value) as (keyof Grant)[]) {
      // Held against the bundle's own policy: whether an opening is right does not depend on the machine.
      const added = beyond(agent.policy ?? agent.grant, { [key]: value[key] });
      if (added.length === 0) continue;
      const span = (mapEntry(tree, key) ?? mapEntry(tree, "fs"))?.keySpan ?? tree.span;
      report.error(
        "OPENING_CAPS",
        span,
        `\`caps\` can only narrow, and the policy of ${quoted(agent.name)} does not grant ${visibleLine(added.join("; "))}`,
        `\`rlp caps show ${agent.name}\` shows what there is to narrow`,
      );
    }
  }
}
