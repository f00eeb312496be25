/** What a run of an opening would do, and cost at worst, before it runs: the data behind `rlp plan`. */
import type { NodeId } from "#core/ids.js";
import type { AgentCatalog, AgentInterface, Grant } from "../agent.js";
import { narrow, nodeGrant, type Narrowing } from "../grant/narrow.js";
import { INPUTS, usedName, type Opening, type OpeningEdge, type OpeningNode, type PortRef, type Retry } from "../ir.js";
import { greater, plus, type Amount } from "./amount.js";
import { capabilitiesOf } from "./capabilities.js";
import {
  addCosts,
  asks,
  attemptOfAgent,
  capped,
  joinReach,
  noCost,
  policyCaps,
  reachOf,
  wholeNode,
  type Cost,
  type Prices,
  type Reach,
} from "./cost.js";
import { levelsOf } from "./levels.js";
import { linksOf, type Links } from "./links.js";
import { waysThrough } from "./paths.js";

export interface PlannedNode extends Reach {
  readonly id: NodeId;
  /** `name@version`; null where the node uses an opening. */
  readonly agent: string | null;
  readonly variant: string | null;
  /** The opening that the node uses. */
  readonly opening: Plan | null;
  /** Nodes that it waits for, in the order of the file; those too that it recovers. */
  readonly after: readonly NodeId[];
  /** Nodes whose failure it takes over. */
  readonly recovers: readonly NodeId[];
  readonly on_error: NodeId | null;
  /** One short phrase for each capability that it holds. */
  readonly capabilities: readonly string[];
  readonly budget_tokens: number | null;
  readonly budget_microusd: number | null;
  readonly budget_fuel: number | null;
  /** Of one attempt; null where the node uses an opening. */
  readonly fuel: number | null;
  readonly memory_mib: number | null;
  /** Milliseconds of an attempt: the node's, else the agent's own ceiling; null: only the opening's inside. */
  readonly timeout_ms: number | null;
  readonly retry: Retry;
  readonly for_each: string | null;
  /** Elements, where the file has them; null: they come with the run. */
  readonly elements: number | null;
  readonly max_parallel: number | null;
  /** The node is skipped unless every one of these holds. */
  readonly guards: readonly string[];
  /** All attempts of all invocations, within the node's budgets. */
  readonly worst: Cost;
}

/** A way through the opening, from its beginning to its end. */
export interface PlannedPath extends Reach {
  readonly nodes: readonly NodeId[];
  readonly worst: Cost;
}

export interface Plan extends Reach {
  readonly name: string;
  readonly goals: readonly string[];
  readonly policy: Opening["policy"];
  readonly levels: readonly (readonly PlannedNode[])[];
  /** At most {@link PATHS}. */
  readonly paths: readonly PlannedPath[];
  /** All ways through. */
  readonly path_count: number;
  readonly success: string | null;
  readonly artifacts: readonly string[];
  /** Everything together, within the opening's budgets. */
  readonly worst: Cost;
  /** The same if there were no budgets of the opening: where it is more, they are what holds the run. */
  readonly unbudgeted: Cost;
}

export const PATHS = 100;

/** The opening has passed the checks against this catalog; an agent that is gone since then throws a TypeError. */
export function planOpening(opening: Opening, agents: AgentCatalog, prices: Prices): Plan {
  return planInside(opening, { agents, prices, around: [], path: "", told: new Map() });
}

interface Surroundings {
  readonly agents: AgentCatalog;
  readonly prices: Prices;
  /** `caps` of the nodes around, the innermost first. */
  readonly around: readonly Narrowing[];
  readonly path: string;
  /** Grants that have been put into words: most nodes have one of a few. */
  readonly told: Map<Grant, GrantInWords>;
}

interface GrantInWords {
  readonly capabilities: readonly string[];
  readonly reach: Record<"asked" | "unasked", Reach>;
}

function planInside(opening: Opening, world: Surroundings): Plan {
  const links = linksOf(opening);
  const planned = opening.nodes.map((node, place) =>
    planNode(opening, node, world, links.inbound[place]!, links.recovers[place]!),
  );
  const levels = levelsOf(links);
  const order = levels.flat();
  const get = (place: number): PlannedNode => planned[place]!;
  const { paths, count } = waysThrough(links, order, PATHS);
  const all = order.map(get);
  const unbudgeted = { ...sum(all), ms: wholeTime(opening, order, links, planned) };
  const caps = policyCaps(opening);
  return {
    name: opening.name,
    goals: opening.goals,
    policy: opening.policy,
    levels: levels.map((level) => level.map(get)),
    paths: paths.map((path) => pathOf(path.map(get), caps)),
    path_count: count,
    success:
      opening.success &&
      `${opening.success.mode === "any_of" ? "any of" : "all of"} ${opening.success.of.map(expressionText).join(", ")}`,
    artifacts: opening.artifacts.save.map(refText),
    ...joinReach(all),
    worst: capped(unbudgeted, caps),
    unbudgeted,
  };
}

function pathOf(nodes: readonly PlannedNode[], caps: ReturnType<typeof policyCaps>): PlannedPath {
  return { nodes: nodes.map(({ id }) => id), worst: capped(sum(nodes), caps), ...joinReach(nodes) };
}

const sum = (nodes: readonly PlannedNode[]): Cost => nodes.reduce((cost, { worst }) => addCosts(cost, worst), noCost);

/**
 * With room for all, the longest way through. With room for `m` at once, no more than that way plus an `m`-th of everything else
 * (Graham's bound for list scheduling).
 */
function wholeTime({ policy }: Opening, order: readonly number[], { next }: Links, planned: readonly PlannedNode[]): Amount {
  const from = planned.map((): Amount => null);
  let longest: Amount = noCost.ms;
  for (const place of order.toReversed()) {
    let after: Amount = noCost.ms;
    for (const target of next[place]!) after = greater(after, from[target]!);
    const whole = plus(planned[place]!.worst.ms, after);
    from[place] = whole;
    longest = greater(longest, whole);
  }
  if (policy.max_parallel === null) return longest;
  const everything = planned.reduce<Amount>((ms, { worst }) => plus(ms, worst.ms), noCost.ms);
  if (longest === null || everything === null) return null;
  const room = policy.max_parallel;
  const bound = (all: number, way: number): number => Math.ceil(way + Math.max(0, all - way) / room);
  return {
    fixed: bound(everything.fixed, longest.fixed),
    each: Object.fromEntries(Object.entries(everything.each).map(([node, all]) => [node, bound(all, longest.each[node] ?? 0)])),
  };
}

function planNode(
  opening: Opening,
  node: OpeningNode,
  world: Surroundings,
  edges: readonly OpeningEdge[],
  recovers: readonly NodeId[],
): PlannedNode {
  const path = world.path === "" ? node.id : `${world.path}/${node.id}`;
  const given = node.for_each === undefined ? undefined : node.with[node.for_each];
  const elements = given === undefined ? null : Array.isArray(given) ? given.length : 1;
  const used = node.opening ? planInner(node.opening, node, world, path) : planAgent(opening, node, world);
  return {
    id: node.id,
    agent: used.agent && `${used.agent.name}@${used.agent.version}`,
    variant: node.variant,
    opening: used.plan,
    after: waitsFor(edges, recovers),
    recovers,
    on_error: node.on_error ?? null,
    capabilities: used.capabilities,
    ...used.reach,
    budget_tokens: node.budget_tokens,
    budget_microusd: node.budget_microusd ?? null,
    budget_fuel: node.budget_fuel ?? null,
    fuel: used.agent?.limits.fuel ?? null,
    memory_mib: used.agent?.limits.memory_mib ?? null,
    timeout_ms: used.timeout,
    retry: node.retry,
    for_each: node.for_each ?? null,
    elements,
    max_parallel: node.max_parallel ?? null,
    guards: edges.flatMap(({ from, guard }) => (guard ? [`${refText(from)} ${guard.op} ${JSON.stringify(guard.literal)}`] : [])),
    worst: wholeNode(used.attempt, node, path, elements),
  };
}

function waitsFor(edges: readonly OpeningEdge[], recovers: readonly NodeId[]): readonly NodeId[] {
  const nodes = new Set<NodeId>();
  for (const { from } of edges) if (from.node !== INPUTS) nodes.add(from.node);
  for (const node of recovers) nodes.add(node);
  return [...nodes];
}

interface UsedPlan {
  readonly agent: AgentInterface | null;
  readonly plan: Plan | null;
  readonly capabilities: readonly string[];
  readonly reach: Reach;
  readonly timeout: number | null;
  readonly attempt: Cost;
}

function planAgent(opening: Opening, node: OpeningNode, { agents, prices, around, told }: Surroundings): UsedPlan {
  const agent = agents.get(node.agent, node.variant);
  if (!agent) throw new TypeError(`the plan of ${node.id} needs the agent ${usedName(node)}`);
  const grant = around.reduce(narrow, nodeGrant(agent, node));
  const words = inWords(grant, told);
  return {
    agent,
    plan: null,
    capabilities: words.capabilities,
    reach: words.reach[asks(opening, node) ? "asked" : "unasked"],
    timeout: node.timeout_ms === null ? agent.limits.wall_ms : Math.min(node.timeout_ms, agent.limits.wall_ms),
    attempt: attemptOfAgent(agent, grant, node, prices),
  };
}

function inWords(grant: Grant, told: Surroundings["told"]): GrantInWords {
  let words = told.get(grant);
  if (!words) {
    const reach = { asked: reachOf(grant, true), unasked: reachOf(grant, false) };
    told.set(grant, (words = { capabilities: capabilitiesOf(grant), reach }));
  }
  return words;
}

/** What an opening may do is what its agents may: it has no capabilities of its own. */
function planInner(inner: Opening, node: OpeningNode, world: Surroundings, path: string): UsedPlan {
  const plan = planInside(inner, { ...world, path, around: node.caps ? [node.caps, ...world.around] : world.around });
  return {
    agent: null,
    plan,
    capabilities: [...new Set(plan.levels.flat().flatMap(({ capabilities }) => capabilities))],
    reach: plan,
    timeout: node.timeout_ms,
    attempt: capped(plan.worst, { tokens: null, microusd: null, fuel: null, ms: node.timeout_ms }),
  };
}

const refText = ({ node, port }: PortRef): string => `${node}.${port}`;

function expressionText(expression: NonNullable<Opening["success"]>["of"][number]): string {
  const ref = refText(expression.ref);
  return expression.kind === "exists" ? `exists(${ref})` : `${ref} ${expression.op} ${JSON.stringify(expression.literal)}`;
}
