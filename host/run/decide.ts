import type { ProposalId, TraceId } from "#core/ids.js";
import { KbError } from "#kb/errors.js";
import type { Host } from "../host.js";
import type { Decision } from "./contract.js";

/** Decides a proposal of any run, once. The run goes on when it is resumed, or at once where a process still waits for the answer. */
export async function decideProposal(host: Host, id: ProposalId, decision: Decision): Promise<{ readonly traceId: TraceId }> {
  const ledger = await host.ledger();
  const proposed = ledger.proposalRows(id).find((row) => row.kind === "action.proposed");
  if (proposed?.kind !== "action.proposed" || proposed.trace_id === null)
    throw new KbError("KB_NOT_FOUND", `there is no ${id}`, { hint: "`rlp proposals` lists what waits for a decision" });
  const { args_hash, action } = proposed.payload.meta;
  await ledger.decideProposal(id, {
    kind: "action.decided",
    level: "info",
    message: `${action} ${decision.decision} by ${decision.by}`,
    actor: "user",
    meta: {
      proposal_id: id,
      args_hash,
      decision: decision.decision,
      by: decision.by,
      ...(decision.reason !== undefined && { reason: decision.reason }),
    },
  });
  return { traceId: proposed.trace_id };
}
