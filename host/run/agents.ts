/** The agents of a run, node by node, each with what its node may do. */
import type { MetaOf } from "#core/events.js";
import { canonicalJson, type Json } from "#core/json.js";
import type { Grant } from "#openings/agent.js";
import { meet } from "#openings/grant/meet.js";
import { nodeGrant } from "#openings/grant/narrow.js";
import { recordedGrant } from "#openings/grant/recorded.js";
import { usedName, type OpeningNode } from "#openings/ir.js";
import { reallyWithin } from "../capability/folders.js";
import { domainOf } from "../trust/agent.js";
import type { LoadedAgent } from "./executor.js";

/** Each agent is loaded once, however many nodes use it: who vouches for it is looked at then, and holds for all of the run's nodes. */
export function onceEach(load: (name: string) => Promise<LoadedAgent>): (name: string) => Promise<LoadedAgent> {
  const known = new Map<string, Promise<LoadedAgent>>();
  return (name) => {
    const agent = known.get(name) ?? load(name);
    known.set(name, agent);
    return agent;
  };
}

/** The agent as a node has it: with the host's grant, as far as the node leaves it. */
export const agentForNode = (agent: LoadedAgent, node: OpeningNode): LoadedAgent =>
  withGrant(agent, reallyWithin(nodeGrant(agent, node), agent.grant));

/** What an agent may decides with whom it shares a process. */
export function withGrant(agent: LoadedAgent, grant: Grant): LoadedAgent {
  if (grant === agent.grant) return agent;
  return { ...agent, grant, ...(agent.trust && { domain: domainOf(agent.trust.standing, agent.face.digest, grant) }) };
}

const same = (a: Grant, b: Grant): boolean => canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);

/**
 * The grant that a run recorded for a node, where it is no more than `most`; else null. Layers narrow what a policy grants, and what
 * they were when the run began only the run knows.
 */
export function grantWithin(recorded: Json | undefined, most: Grant): Grant | null {
  const grant = recordedGrant(recorded);
  return grant !== null && (same(grant, most) || same(meet(grant, most), meet(grant, grant))) ? grant : null;
}

/** By agent: who vouched for it, and what the layers over its policy were. */
export function recordTrust(
  nodes: readonly OpeningNode[],
  agents: ReadonlyMap<string, LoadedAgent>,
): NonNullable<MetaOf<"run.started">["trust"]> {
  return Object.fromEntries(
    nodes.flatMap((node) => {
      const trust = agents.get(node.id)?.trust;
      if (!trust) return [];
      const { standing, reduced, layers } = trust;
      return [
        [
          usedName(node),
          {
            standing: standing.kind,
            ...(standing.kind !== "bundled" && standing.key !== null && { key: standing.key }),
            ...(reduced !== null && { reduced }),
            ...(layers.length > 0 && {
              layers: layers.map(({ layer, file, took, left, ignored }) => ({
                layer,
                ...(file !== null && { file }),
                took: [...took],
                left: [...left],
                ignored: [...ignored],
              })),
            }),
          },
        ],
      ];
    }),
  );
}
