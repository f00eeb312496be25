/** Which agent each node uses. */
import { visibleLine } from "#core/visible.js";
import type { AgentCatalog, AgentInterface } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import type { Draft, DraftNode } from "../language/draft.js";
import type { Reporter } from "../language/reporter.js";
import { nameHint } from "./context.js";

export function resolveAgents(report: Reporter, draft: Draft, agents: AgentCatalog): ReadonlyMap<DraftNode, AgentInterface> {
  const found = new Map<string, AgentInterface | undefined>();
  const agentOf = new Map<DraftNode, AgentInterface>();
  const told = new Set<string>();
  for (const node of draft.nodes) {
    if (!node.use || node.use.value.opening !== undefined) continue;
    const { agent: name, variant } = node.use.value;
    const key = `${name}@${variant ?? ""}`;
    if (!found.has(key)) found.set(key, agents.get(name, variant));
    const agent = found.get(key);
    const refused = agent ? undefined : agents.refusal?.(name, variant);
    if (agent) {
      agentOf.set(node, agent);
      if (!told.has(key))
        for (const notice of agents.notices?.(name, variant) ?? [])
          report.warn("OPENING_OVERRIDE", node.use.span, `${quoted(name)}: ${visibleLine(notice)}`);
      told.add(key);
    } else if (refused)
      report.error(
        "OPENING_AGENT_REFUSED",
        node.use.span,
        `the agent ${quoted(name)} is refused: ${visibleLine(refused.message)}`,
        refused.hint,
      );
    else if (variant !== null && agents.get(name, null))
      report.error("OPENING_UNKNOWN_AGENT", node.use.span, `the agent ${quoted(name)} has no variant ${quoted(variant)}`);
    else
      report.error(
        "OPENING_UNKNOWN_AGENT",
        node.use.span,
        `unknown agent ${quoted(name)}`,
        nameHint(name, agents.names(), "agents"),
      );
  }
  return agentOf;
}
