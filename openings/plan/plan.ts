/** What a run of an opening would do, before it runs: the data behind `rlp plan`. */
import type { NodeId } from "#core/ids.js";
import type { AgentCatalog, AgentInterface } from "../agent.js";
import { nodeGrant } from "../grant/narrow.js";
import { CONFIRM } from "../check/with.js";
import type { Opening, OpeningEdge, OpeningNode, PortRef, Retry } from "../ir.js";
import { capabilitiesOf, hostOf } from "./capabilities.js";
import { levelsOf } from "./levels.js";

export interface PlannedNode {
  readonly id: NodeId;
  /** `name@version`, and the variant where one is chosen. */
  readonly agent: string;
  readonly variant: string | null;
  /** Nodes that it waits for, in the order of the file. */
  readonly after: readonly NodeId[];
  /** One short phrase for each capability that it holds. */
  readonly capabilities: readonly string[];
  /** `host[:port]` that it may reach. */
  readonly hosts: readonly string[];
  /** Ids of secrets that may be sent for it, and of those whose value it may see. */
  readonly secrets: readonly string[];
  readonly budget_tokens: number | null;
  readonly fuel: number;
  readonly memory_mib: number;
  /** Milliseconds of an attempt: the node's, else the agent's own ceiling. */
  readonly timeout_ms: number;
  readonly retry: Retry;
  /** Kinds of actions for which a person may be asked. */
  readonly confirms: readonly string[];
  /** Kinds of actions that it may take without asking. */
  readonly unasked: readonly string[];
  /** The node is skipped unless every one of these holds. */
  readonly guards: readonly string[];
}

export interface Plan {
  readonly name: string;
  readonly goals: readonly string[];
  readonly policy: Opening["policy"];
  readonly levels: readonly (readonly PlannedNode[])[];
  readonly success: string | null;
  readonly artifacts: readonly string[];
}

/** The opening has passed the checks against this catalog; an agent that is gone since then throws a TypeError. */
export function planOpening(opening: Opening, agents: AgentCatalog): Plan {
  const nodes = new Map(opening.nodes.map((node) => [node.id, node]));
  const inbound = new Map<NodeId, OpeningEdge[]>();
  for (const edge of opening.edges) {
    const edges = inbound.get(edge.to.node);
    if (edges) edges.push(edge);
    else inbound.set(edge.to.node, [edge]);
  }
  const planned = (id: NodeId): PlannedNode => {
    const node = nodes.get(id);
    const agent = node && agents.get(node.agent, node.variant);
    if (!agent) throw new TypeError(`the plan of ${id} needs its agent`);
    return planNode(opening, node, agent, inbound.get(id) ?? []);
  };
  return {
    name: opening.name,
    goals: opening.goals,
    policy: opening.policy,
    levels: levelsOf(opening).map((level) => level.map(planned)),
    success:
      opening.success &&
      `${opening.success.mode === "any_of" ? "any of" : "all of"} ${opening.success.of.map(expressionText).join(", ")}`,
    artifacts: opening.artifacts.save.map(refText),
  };
}

function planNode(opening: Opening, node: OpeningNode, agent: AgentInterface, edges: readonly OpeningEdge[]): PlannedNode {
  const { limits } = agent;
  const grant = nodeGrant(agent, node);
  const actions = [...grant.actions, ...(grant.fs_rw.length > 0 ? [`fs.commit to ${grant.fs_rw.join(", ")}`] : [])];
  const asks = opening.policy.confirm_external || node.with[CONFIRM] === true;
  return {
    id: node.id,
    agent: `${agent.name}@${agent.version}`,
    variant: node.variant,
    after: [...new Set(edges.map((edge) => edge.from.node))],
    capabilities: capabilitiesOf(grant),
    hosts: [...new Set(grant.net.map(hostOf))],
    secrets: [...new Set([...grant.secrets.map(({ id }) => id), ...grant.secrets_raw])],
    budget_tokens: node.budget_tokens,
    fuel: limits.fuel,
    memory_mib: limits.memory_mib,
    timeout_ms: node.timeout_ms === null ? limits.wall_ms : Math.min(node.timeout_ms, limits.wall_ms),
    retry: node.retry,
    confirms: asks ? actions : [],
    unasked: asks ? [] : actions,
    guards: edges.flatMap(({ from, guard }) => (guard ? [`${refText(from)} ${guard.op} ${JSON.stringify(guard.literal)}`] : [])),
  };
}

const refText = ({ node, port }: PortRef): string => `${node}.${port}`;

function expressionText(expression: NonNullable<Opening["success"]>["of"][number]): string {
  const ref = refText(expression.ref);
  return expression.kind === "exists" ? `exists(${ref})` : `${ref} ${expression.op} ${JSON.stringify(expression.literal)}`;
}
