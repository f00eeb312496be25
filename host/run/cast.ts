/** Who plays in a run: the agents of its nodes, and those of the openings that its nodes use. */
import { narrow, type Narrowing } from "#openings/grant/narrow.js";
import { usedName, type Opening } from "#openings/ir.js";
import { reallyWithin } from "../capability/folders.js";
import { agentForNode, withGrant } from "./agents.js";
import type { LoadedAgent } from "./executor.js";

export interface Cast {
  /** By node. */
  readonly agents: ReadonlyMap<string, LoadedAgent>;
  /** By node that uses another opening. */
  readonly inner: ReadonlyMap<string, Cast>;
}

/** Loads everybody. `around` are the `caps` of the nodes around an inner opening, from the innermost to the outermost. */
export async function loadCast(
  opening: Opening,
  load: (name: string) => Promise<LoadedAgent>,
  around: readonly Narrowing[] = [],
): Promise<Cast> {
  const agents = new Map<string, LoadedAgent>();
  const inner = new Map<string, Cast>();
  for (const node of opening.nodes)
    if (node.opening) inner.set(node.id, await loadCast(node.opening, load, [...(node.caps ? [node.caps] : []), ...around]));
    else agents.set(node.id, narrowed(agentForNode(await load(usedName(node)), node), around));
  return { agents, inner };
}

/** No opening can give an agent inside of it more than it was left itself. */
export function narrowed(agent: LoadedAgent, around: readonly Narrowing[]): LoadedAgent {
  return around.reduce((left, caps) => withGrant(left, reallyWithin(narrow(left.grant, caps), left.grant)), agent);
}

/** Every agent by the name that openings use, those of inner openings included. */
export function* named(opening: Opening, { agents, inner }: Cast): Iterable<readonly [name: string, agent: LoadedAgent]> {
  for (const node of opening.nodes) {
    const agent = agents.get(node.id);
    const cast = inner.get(node.id);
    if (node.opening && cast) yield* named(node.opening, cast);
    else if (agent) yield [usedName(node), agent];
  }
}

const nobody: Cast = { agents: new Map(), inner: new Map() };

export const castOf = (cast: Cast, node: string): Cast => cast.inner.get(node) ?? nobody;
