/** A decision on a proposal, made away from the run that waits for it. */
import { Exit, UsageError, type ExitCode } from "#core/errors.js";
import type { ProposalId, TraceId } from "#core/ids.js";
import { visibleText } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import type { Views } from "#kb/views/views.js";
import type { Context } from "../context.js";
import { usage } from "../failure.js";

export async function decide(
  context: Context,
  args: readonly string[],
  decision: "approved" | "rejected",
  reason: string | undefined,
): Promise<ExitCode> {
  const { out } = context;
  const [id] = args;
  if (id === undefined) throw usage("no proposal is named", "`rlp proposals` lists what waits for a decision");
  const host = await context.host();
  const { views } = await host.kb();
  const pending = views.proposals({ pending: true }).map(({ proposalId }) => proposalId);
  const proposal = pick(pending, id);
  const { decideProposal } = await import("#host/run/decide.js");
  const decided = await decideProposal(host, proposal, { decision, by: "user", ...(reason !== undefined && { reason }) });
  const traceId = outermost(views, decided.traceId);
  if (!out.readable) out.data({ proposal_id: proposal, decision, trace_id: traceId });
  else {
    out.print(`${decision}: ${proposal}`);
    out.note(`the run goes on by itself if it is still waiting; else: ${visibleText(context.invocation(`resume ${traceId}`))}`);
  }
  return Exit.ok;
}

/** The run that is resumed: one inside of another goes on with that. */
function outermost(views: Views, traceId: TraceId): TraceId {
  for (let at = traceId; ;) {
    const parent = views.run(at)?.parent;
    if (!parent) return at;
    at = parent;
  }
}

/** The one id among `ids` that `text` is, or begins. An id that is whole is taken as it is: the ledger says what has become of it. */
export function pick(ids: readonly ProposalId[], text: string): ProposalId {
  const prefix = text.replace(/^proposal:/, "").toLowerCase();
  if (!/^[0-9a-f-]{1,36}$/.test(prefix))
    throw new UsageError("USAGE", `\`${text.slice(0, 80)}\` is no proposal's id`, {
      hint: "`rlp proposals` lists what waits for a decision",
    });
  if (prefix.length === 36) return `proposal:${prefix}` as ProposalId;
  const found = ids.filter((id) => id.startsWith(`proposal:${prefix}`));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length === 0)
    throw new KbError("KB_NOT_FOUND", `no proposal that waits begins with \`${text}\``, { hint: "`rlp proposals` lists them" });
  throw new KbError("KB_AMBIGUOUS", `\`${text}\` fits ${found.length} proposals`, {
    hint: `type more of it: ${found.slice(0, 3).join(", ")}`,
  });
}
