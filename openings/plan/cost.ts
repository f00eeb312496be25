/** What a node may cost at worst, and what it may touch. */
import type { AgentInterface, Grant } from "../agent.js";
import { CONFIRM } from "../check/with.js";
import type { Opening, OpeningNode, Retry } from "../ir.js";
import { atMost, fixed, forEach, nothing, plus, times, type Amount } from "./amount.js";
import { hostOf } from "./capabilities.js";

/** At worst; null where nothing bounds it. */
export interface Cost {
  readonly tokens: Amount;
  /** Millionths of a dollar. */
  readonly microusd: Amount;
  /** Guest instructions. */
  readonly fuel: Amount;
  /** Time in which it works or pauses between attempts; a person's time does not count. */
  readonly ms: Amount;
}

/** What lies outside of the run. */
export interface Reach {
  /** `host[:port]`. */
  readonly hosts: readonly string[];
  /** Ids of secrets that are sent along, or that the agent sees. */
  readonly secrets: readonly string[];
  /** Folders, and domains of the knowledge base. */
  readonly writes: readonly string[];
  /** Kinds of actions for which a person is asked. */
  readonly approvals: readonly string[];
  /** Kinds of actions that happen without asking. */
  readonly unasked: readonly string[];
}

export interface Prices {
  /** Dollars for a million tokens of the dearest model among these at most; null: one of them has no price. */
  dearest(models: true | readonly string[]): number | null;
}

export const noCost: Cost = { tokens: nothing, microusd: nothing, fuel: nothing, ms: nothing };

export const mapCost = (cost: Cost, map: (amount: Amount, key: keyof Cost) => Amount): Cost => ({
  tokens: map(cost.tokens, "tokens"),
  microusd: map(cost.microusd, "microusd"),
  fuel: map(cost.fuel, "fuel"),
  ms: map(cost.ms, "ms"),
});

export const addCosts = (a: Cost, b: Cost): Cost => mapCost(a, (amount, key) => plus(amount, b[key]));

/** One attempt of an agent. Budgets come later: they count over all attempts. */
export function attemptOfAgent(agent: AgentInterface, grant: Grant, node: OpeningNode, prices: Prices): Cost {
  const { limits } = agent;
  const models = grant.model === false ? null : grant.model;
  const free = models === null || (Array.isArray(models) && models.length === 0);
  const dearest = free ? 0 : prices.dearest(models === null ? [] : models);
  const bound = node.budget_tokens;
  return {
    tokens: free ? nothing : bound === null ? null : fixed(bound),
    microusd: dearest === 0 ? nothing : dearest === null || bound === null ? null : fixed(Math.ceil(dearest * bound)),
    fuel: fixed(limits.fuel),
    ms: fixed(node.timeout_ms === null ? limits.wall_ms : Math.min(node.timeout_ms, limits.wall_ms)),
  };
}

/** All attempts of all invocations. `elements`: how many there are; null: that comes with the run. */
export function wholeNode(attempt: Cost, node: OpeningNode, path: string, elements: number | null): Cost {
  const { max_attempts: attempts } = node.retry;
  const tried = mapCost(attempt, (amount, key) =>
    key === "ms" ? plus(times(amount, attempts), fixed(pauses(node.retry))) : times(amount, attempts),
  );
  const all =
    node.for_each === undefined
      ? tried
      : mapCost(tried, (amount) => (elements === null ? forEach(amount, path) : times(amount, elements)));
  return capped(all, {
    tokens: node.budget_tokens,
    microusd: node.budget_microusd ?? null,
    fuel: node.budget_fuel ?? null,
    ms: null,
  });
}

export const capped = (cost: Cost, most: Readonly<Record<keyof Cost, number | null>>): Cost =>
  mapCost(cost, (amount, key) => atMost(amount, most[key]));

/** The budgets of an opening's policy. */
export const policyCaps = ({ policy }: Opening): Readonly<Record<keyof Cost, number | null>> => ({
  tokens: policy.budget_tokens,
  microusd: policy.budget_microusd ?? null,
  fuel: policy.budget_fuel ?? null,
  ms: policy.timeout_ms,
});

/** Beyond this many attempts the pauses that are left are all of the longest one. */
const COUNTED = 10_000;

/** All pauses between attempts, each at its longest. */
function pauses({ max_attempts, backoff_ms, multiplier, max_backoff_ms, jitter }: Retry): number {
  let sum = 0;
  let pause = backoff_ms;
  const count = max_attempts - 1;
  for (let index = 0; index < Math.min(count, COUNTED); index++) {
    sum += Math.min(pause * (1 + jitter), max_backoff_ms);
    pause = Math.min(pause * multiplier, max_backoff_ms);
  }
  if (count > COUNTED) sum += (count - COUNTED) * Math.min(pause * (1 + jitter), max_backoff_ms);
  return Math.ceil(sum);
}

/** Whether a person is asked before a node's external actions. */
export const asks = ({ policy }: Opening, node: OpeningNode): boolean => policy.confirm_external || node.with[CONFIRM] === true;

export function reachOf(grant: Grant, asks: boolean): Reach {
  const actions = [...grant.actions, ...(grant.fs_rw.length > 0 ? [`fs.commit to ${grant.fs_rw.join(", ")}`] : [])];
  return {
    hosts: unique(grant.net.map(hostOf)),
    secrets: unique([...grant.secrets.map(({ id }) => id), ...grant.secrets_raw]),
    writes: [...grant.fs_rw, ...knowledge(grant.kb_write)],
    approvals: asks ? actions : [],
    unasked: asks ? [] : actions,
  };
}

function knowledge(domains: Grant["kb_write"]): readonly string[] {
  if (domains === false) return [];
  return domains === true ? ["the knowledge base"] : domains.map((domain) => `the knowledge base, ${domain}`);
}

export function joinReach(reaches: readonly Reach[]): Reach {
  // Nodes with one grant share their lists: of ten thousand there are a few.
  const join = (key: keyof Reach): readonly string[] => unique([...new Set(reaches.map((reach) => reach[key]))].flat());
  return {
    hosts: join("hosts"),
    secrets: join("secrets"),
    writes: join("writes"),
    approvals: join("approvals"),
    unasked: join("unasked"),
  };
}

export const unique = (items: readonly string[]): readonly string[] => [...new Set(items)];
