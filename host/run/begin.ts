/** The first event of a run: all that it depends on, whatever the configuration says by the time somebody looks. */
import type { MetaOf } from "#core/events.js";
import type { Json } from "#core/json.js";
import { recordedBudgets } from "#openings/engine/select.js";
import { openingDocument } from "#openings/document.js";
import { agentNodes, usedName, type Opening } from "#openings/ir.js";
import { FUEL_TABLE_VERSION } from "../component/meter/protocol.js";
import { limitsOf } from "../limits/effective.js";
import { VERSION } from "../host.js";
import { recordTrust } from "./agents.js";
import { named, type Cast } from "./cast.js";
import type { LoadedAgent } from "./executor.js";

export type Begin = MetaOf<"run.started">;

export interface Ground {
  readonly opening: Opening;
  readonly cast: Cast;
  readonly seed: number;
  readonly epochMs: number;
  readonly watermark: number;
  /** The rung of the cage, by name. */
  readonly isolation: string;
}

export function beginOf({ opening, cast, seed, epochMs, watermark, isolation }: Ground): Begin {
  const nodes = agentNodes(opening);
  const { agents } = cast;
  const of = (id: string): LoadedAgent => agents.get(id) as LoadedAgent;
  const lowered = [...new Map(nodes.map((node) => [usedName(node), node.id]))].flatMap(([agent, node]) =>
    (of(node).lowered ?? []).map((each) => ({ agent, ...each })),
  );
  return {
    opening_name: opening.name,
    opening: openingDocument(opening).digest,
    params: { ...opening.params },
    seed,
    epoch_ms: epochMs,
    kb_watermark: watermark,
    components: Object.fromEntries(nodes.map((node) => [usedName(node), of(node.id).face.digest])),
    grants: Object.fromEntries([...agents].map(([node, agent]) => [node, agent.grant as unknown as Json])),
    limits: Object.fromEntries([...named(opening, cast)].map(([name, { face }]) => [name, limitsOf(face.limits)])),
    ...(lowered.length > 0 && { limits_lowered: lowered }),
    trust: recordTrust(nodes, agents),
    budgets: recordedBudgets(opening.policy),
    host: { rlp: VERSION, node: process.version, isolation, fuel_table: FUEL_TABLE_VERSION },
  };
}
