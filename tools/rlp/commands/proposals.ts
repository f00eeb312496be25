/** `rlp proposals`: what waits for a decision, whole. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Proposal } from "#kb/views/runs.js";
import { visibleLine, visibleText } from "#core/visible.js";
import type { Act, Context } from "../context.js";
import { loadStored } from "../ledger.js";
import { examples } from "../program.js";
import { moment } from "../terminal/quantity.js";
import { withViews } from "../views.js";

export function define(command: Command, act: Act): void {
  command
    .option("--all", "decided and expired ones too")
    .addHelpText(
      "after",
      examples(
        ["rlp proposals", "each with everything that would be done"],
        ["rlp approve <proposal>", "then `rlp resume <run>` goes on"],
      ),
    )
    .action(act(proposals));
}

interface Shown extends Omit<Proposal, "summary" | "args"> {
  readonly text: string;
}

async function proposals(context: Context, _args: readonly string[], flags: { readonly all?: boolean }) {
  const { out } = context;
  const found = await withViews(context, ({ views, ledger }) =>
    views
      .proposals({ pending: !flags.all })
      .map(({ summary, args: _args, ...proposal }): Shown => ({ ...proposal, text: textOf(loadStored(ledger, summary)) })),
  );
  if (!out.readable) out.data((found ?? []).map(recordOf));
  else if (!found || found.length === 0) out.note("nothing waits for a decision");
  else out.print(found.map((proposal) => proposalText(proposal, context)).join("\n\n"));
  return Exit.ok;
}

/** Names as in events. */
function recordOf(proposal: Shown) {
  const { decision } = proposal;
  return {
    proposal_id: proposal.proposalId,
    trace_id: proposal.traceId,
    node: proposal.node,
    action: proposal.action,
    args_hash: proposal.argsHash,
    text: proposal.text,
    proposed_ms: proposal.proposedMs,
    expires_at_ms: proposal.expiresAtMs,
    expired: proposal.expired,
    decision: decision && { decision: decision.decision, by: decision.by, reason: decision.reason, ts_ms: decision.atMs },
    outcome: proposal.outcome,
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function proposalText(proposal: Shown, context: Context): string {
  const { colours } = context.out;
  const { proposalId, traceId, node, action, proposedMs, expiresAtMs, expired, decision, outcome, text } = proposal;
  const until = expiresAtMs === null ? "" : `, ${expired ? "lapsed" : "lapses"} ${moment(expiresAtMs)}`;
  const state =
    decision === null
      ? `${context.invocation(`approve ${proposalId}`)}\n${context.invocation(`reject ${proposalId} --reason '…'`)}`
      : `${decision.decision} by ${visibleLine(decision.by)}${decision.reason === null ? "" : `: ${visibleLine(decision.reason)}`}${outcome === null ? "" : `, ${outcome}`}`;
  return [
    colours.bold(proposalId),
    `${visibleLine(node)} asks: ${visibleLine(action)}, since ${moment(proposedMs)}${until}`,
    `in ${traceId}`,
    "",
    ...visibleText(text)
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`.trimEnd()),
    "",
    state,
  ].join("\n");
}
