/** Everything that can be known before anything runs (`docs/reference/openings.md`, "Validation"). */
import type { Draft, DraftNode } from "../language/draft.js";
import type { Reporter } from "../language/reporter.js";
import { resolveAgents } from "./agents.js";
import { checkCaps } from "./caps.js";
import type { CheckContext, CheckWorld } from "./context.js";
import { checkCycles } from "./cycles.js";
import { facesOf, resolveOpenings } from "./faces.js";
import { checkForEach } from "./for-each.js";
import { checkGrants } from "./grants.js";
import { checkOwnInputs } from "./inner.js";
import { checkInputs } from "./inputs.js";
import { checkBudgets, checkConfirmations } from "./policy.js";
import { checkPortSchemas } from "./port-schemas.js";
import { checkPortTypes } from "./port-types.js";
import { checkRecovery } from "./recovery.js";
import { checkReferences } from "./references.js";
import { checkWith } from "./with.js";

/** Runs every check over what could be read; each is silent about what an earlier one reported. */
export function checkDraft(report: Reporter, draft: Draft, world: CheckWorld): CheckContext {
  const nodes = new Map<string, DraftNode>();
  for (const node of draft.nodes) if (node.id !== null && !nodes.has(node.id)) nodes.set(node.id, node);
  const agentOf = resolveAgents(report, draft, world.agents);
  const innerOf = resolveOpenings(report, draft, world.openings);
  const context: CheckContext = { ...world, report, draft, nodes, agentOf, innerOf, faceOf: facesOf(agentOf, innerOf) };
  checkOwnInputs(context);
  checkReferences(context);
  checkPortTypes(context);
  checkPortSchemas(context);
  checkInputs(context);
  checkForEach(context);
  checkRecovery(context);
  checkCycles(context);
  checkWith(context);
  checkBudgets(context);
  checkConfirmations(context);
  checkCaps(context);
  checkGrants(context);
  return context;
}
