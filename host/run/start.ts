/** Begins a run. */
import { randomInt } from "node:crypto";
import type { MetaOf } from "#core/events.js";
import { newOpeningId, newTraceId } from "#core/ids.js";
import { jsonDigest, type Json } from "#core/json.js";
import { UsageError } from "#core/errors.js";
import { openingAsJson, type Opening } from "#openings/ir.js";
import { FUEL_TABLE_VERSION } from "../component/meter/protocol.js";
import { granted } from "../fs/directories.js";
import { VERSION, type Host } from "../host.js";
import type { Isolation } from "../sandbox/isolation/rung.js";
import type { Compiled, RunOptions, RunResult } from "./contract.js";
import { limitsOf } from "../limits/effective.js";
import type { LoadedAgent } from "./executor.js";
import { agentForNode, agentName, onceEach, recordTrust } from "./agents.js";
import { drive } from "./session.js";

/** `crypto.randomInt` draws from at most 2^48. */
const MAX_DRAWN_SEED = 2 ** 48 - 1;

/** Runs a compiled opening until it has finished or is parked. Throws when there are errors among its diagnostics. */
export async function startRun(host: Host, compiled: Compiled, options: RunOptions): Promise<RunResult> {
  const { opening } = compiled;
  if (!opening) throw new UsageError("USAGE", `${compiled.file} has errors and cannot run`, { place: { file: compiled.file } });
  const agents = new Map<string, LoadedAgent>();
  const agent = onceEach((name) => host.agent(name));
  for (const node of opening.nodes) agents.set(node.id, agentForNode(await agent(agentName(node)), node));
  // Told before anything runs; each attempt looks again.
  for (const grant of new Set([...agents.values()].map((one) => one.grant)))
    for (const { path, writable } of granted(grant)) await host.directories.check(path, writable);
  const agent_dirs = host.agentDirs(new Set(opening.nodes.map(agentName)));
  const ledger = await host.ledger();
  const watermark = ledger.watermark();
  return drive(
    host,
    {
      traceId: newTraceId(),
      openingId: newOpeningId(),
      opening,
      agents,
      watermark,
      run: { begin: { ...started(opening, agents, watermark, await host.isolation(), options), agent_dirs } },
      nextSeq: 0,
    },
    options,
  );
}

function started(
  opening: Opening,
  agents: ReadonlyMap<string, LoadedAgent>,
  watermark: number,
  isolation: Isolation,
  options: RunOptions,
): MetaOf<"run.started"> {
  const lowered = [...new Set(opening.nodes.map(agentName))].flatMap((agent) => {
    const node = opening.nodes.find((one) => agentName(one) === agent);
    return (agents.get(node?.id ?? "")?.lowered ?? []).map((each) => ({ agent, ...each }));
  });
  return {
    opening_name: opening.name,
    opening: jsonDigest(openingAsJson(opening)),
    params: { ...opening.params },
    seed: options.seed ?? randomInt(MAX_DRAWN_SEED),
    epoch_ms: options.epochMs ?? Date.now(),
    kb_watermark: watermark,
    components: Object.fromEntries(
      opening.nodes.map((node) => [agentName(node), (agents.get(node.id) as LoadedAgent).face.digest]),
    ),
    grants: Object.fromEntries([...agents].map(([node, agent]) => [node, agent.grant as unknown as Json])),
    limits: Object.fromEntries(
      opening.nodes.map((node) => [agentName(node), limitsOf((agents.get(node.id) as LoadedAgent).face.limits)]),
    ),
    ...(lowered.length > 0 && { limits_lowered: lowered }),
    trust: recordTrust(opening.nodes, agents),
    budgets: { tokens: opening.policy.budget_tokens },
    host: { rlp: VERSION, node: process.version, isolation: isolation.name, fuel_table: FUEL_TABLE_VERSION },
  };
}
