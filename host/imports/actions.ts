/**
 * `runloop:agent/actions`: the agent proposes, the host decides and performs.
 *
 * The order is what makes it safe (design, "What must never be", 5): `action.proposed` durable → decision durable → `call.started`
 * with the idempotency key durable → the effect → `action.finished` and what it recorded, together with `call.finished`. Wherever
 * the host dies, the journal says how far it had come, and the re-executed attempt goes on from there.
 */
import * as z from "zod";
import { blake3, type Digest } from "#core/digest.js";
import type { RunEventDraft, RunEventOf } from "#core/events.js";
import { proposalId, type ProposalId } from "#core/ids.js";
import { jsonDigest, type Json } from "#core/json.js";
import { OutcomeUnknown, type ActionKind, type Performed } from "../actions/action.js";
import { mayAct } from "../capability/authorize.js";
import type { Decider, Decision, ShownProposal } from "../run/contract.js";
import { CallFailure, Parked, refuse, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { read, readText } from "./kb.js";

const proposeArgs = z.tuple([z.string().max(64), z.string().max(524_288)]);
const anyJson = z.custom<Json>(() => true);

export interface ActionDesk {
  readonly kinds: ReadonlyMap<string, ActionKind>;
  readonly decider: Decider;
  /** Whether the opening wants a person's word for external actions, and whether this node asked for it. */
  needsDecision(context: CallContext): boolean;
  /** A decision that came from elsewhere (`rlp approve`), looked up in the ledger. */
  decided(id: ProposalId): RunEventOf<"action.decided"> | null;
  /** Appends the decision unless there is one already; gives the one that stands. */
  decide(draft: RunEventDraft & { kind: "action.decided" }): Promise<RunEventOf<"action.decided">["meta"]>;
  /** Milliseconds that a proposal waits before it lapses. */
  readonly expiryMs: number;
  storeBlob(bytes: Uint8Array, mediaType: string): Digest;
}

/** How often a waiting process looks for a decision that was made elsewhere. */
const POLL_MS = 200;

export function actionFunctions(desk: ActionDesk): HostFunctions {
  return new Map([
    [
      "actions.propose",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const [name, text] = read(proposeArgs, args);
        refuse(mayAct(context.grant, name));
        const kind = desk.kinds.get(name);
        if (!kind)
          throw new CallFailure("invalid", `there is no action \`${name}\` in this host (${[...desk.kinds.keys()].join(", ")})`);
        const asked = { interface: "actions", function: "propose", kind, args: kind.parse(readText(anyJson, text)) };
        const done = await carryOut(desk, context, asked);
        return "rejected" in done
          ? { answer: { ok: { tag: "rejected", val: done.rejected } }, labels: [] }
          : { answer: { ok: { tag: "done", val: JSON.stringify(done.result) } }, labels: [], events: done.events };
      },
    ],
  ]);
}

/** An action, and the host call through which an agent asked for it. */
export interface AskedAction {
  readonly interface: string;
  readonly function: string;
  readonly kind: ActionKind;
  /** Checked by `kind.parse`. */
  readonly args: Json;
}

/**
 * Proposes, waits for the decision, and performs. `events` belong into one append with `call.finished`. Throws `Parked` where nobody
 * is there to ask, and `CallFailure` where the action failed or its outcome is not known.
 */
export async function carryOut(
  desk: ActionDesk,
  context: CallContext,
  asked: AskedAction,
): Promise<Performed | { readonly rejected: string }> {
  const proposal = await propose(desk, context, asked.kind, asked.args);
  const decision = await decide(desk, context, proposal);
  if (decision.args_hash !== proposal.argsHash)
    throw new CallFailure("denied", "the decision belongs to other arguments: nothing was done");
  if (decision.decision === "rejected") return { rejected: decision.reason ?? `rejected by ${decision.by}` };
  return perform(desk, context, asked, proposal);
}

/**
 * What an approval is bound to: everything that will be done, by whom, in which run, and where in it. The place in the run is the
 * nonce, so that no approval serves twice.
 */
function argsHash(context: CallContext, kind: ActionKind, args: Json): Digest {
  return jsonDigest({
    action: kind.kind,
    destination: kind.destination(args),
    args,
    agent: context.agent.digest,
    trace: context.traceId,
    node: context.node,
    attempt: context.attempt,
    call: context.seq,
  });
}

/** The same for the same place in the same run: a proposal that was made before a crash is found again. */
export function proposalIdOf({
  traceId,
  node,
  attempt,
  seq,
}: Pick<CallContext, "traceId" | "node" | "attempt" | "seq">): ProposalId {
  return proposalId(blake3("proposal\0", traceId, "\0", node, "\0", String(attempt), "\0", String(seq)));
}

async function propose(
  desk: ActionDesk,
  context: CallContext,
  kind: ActionKind,
  args: Json,
): Promise<ShownProposal & { expiresAtMs: number | null }> {
  const hash = argsHash(context, kind, args);
  const id = proposalIdOf(context);
  const text = kind.show(args);
  const shown = { id, node: context.node, action: kind.kind, argsHash: hash, text, args };
  const before = context.recorded.proposals.find((event) => event.meta.proposal_id === id);
  if (before) {
    if (before.meta.args_hash !== hash) throw new CallFailure("denied", "the proposal in the journal was for something else");
    return { ...shown, expiresAtMs: before.meta.expires_at_ms };
  }
  const expiresAtMs = context.clock.now() + desk.expiryMs;
  await context.journal.append([
    {
      kind: "action.proposed",
      level: "info",
      message: `${context.node} proposes ${kind.kind}`,
      meta: {
        proposal_id: id,
        node: context.node,
        attempt: context.attempt,
        call_seq: context.seq,
        action: kind.kind,
        args_hash: hash,
        summary: context.journal.store(text),
        args: context.journal.store(args),
        expires_at_ms: expiresAtMs,
      },
    },
    ...(desk.needsDecision(context) ? [waiting(context, id)] : []),
  ]);
  return { ...shown, expiresAtMs };
}

function waiting(context: CallContext, id: ProposalId): RunEventDraft {
  return {
    kind: "node.waiting",
    level: "info",
    message: `${context.node} waits for a decision`,
    meta: { node: context.node, proposal_id: id },
  };
}

type Standing = RunEventOf<"action.decided">["meta"];

async function decide(
  desk: ActionDesk,
  context: CallContext,
  proposal: ShownProposal & { expiresAtMs: number | null },
): Promise<Standing> {
  const before = context.recorded.decisions.find((event) => event.meta.proposal_id === proposal.id) ?? desk.decided(proposal.id);
  if (before) return before.meta;
  const decision = desk.needsDecision(context)
    ? await context.offTheClock(() => ask(desk, context, proposal))
    : ({ decision: "approved", by: "policy: confirm_external is false" } satisfies Decision);
  if (decision === null) throw new Parked(proposal.id);
  if ("args_hash" in decision) return decision;
  return desk.decide({
    kind: "action.decided",
    level: "info",
    message: `${proposal.action} ${decision.decision} by ${decision.by}`,
    meta: {
      proposal_id: proposal.id,
      args_hash: proposal.argsHash,
      decision: decision.decision,
      by: decision.by,
      ...(decision.reason !== undefined && { reason: decision.reason }),
    },
  });
}

/** Asks whoever is there, and looks meanwhile whether somebody else has decided. */
async function ask(
  desk: ActionDesk,
  context: CallContext,
  proposal: ShownProposal & { expiresAtMs: number | null },
): Promise<Decision | Standing | null> {
  const lapsed = (): Decision | null =>
    proposal.expiresAtMs !== null && context.clock.now() >= proposal.expiresAtMs
      ? { decision: "rejected", by: "host", reason: "the proposal lapsed before anybody decided" }
      : null;
  const tooLate = lapsed();
  if (tooLate) return tooLate;
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, context.signal]);
  const elsewhere = async (): Promise<Decision | Standing | null> => {
    for (;;) {
      await context.clock.sleep(POLL_MS, signal);
      const found = desk.decided(proposal.id);
      if (found) return found.meta;
      const late = lapsed();
      if (late) return late;
    }
  };
  try {
    const asked = desk.decider.ask(proposal, signal);
    const polled = elsewhere();
    polled.catch(() => {}); // ends with the signal
    return await Promise.race([asked, polled]);
  } finally {
    done.abort(new Error("decided"));
  }
}

async function perform(desk: ActionDesk, context: CallContext, asked: AskedAction, proposal: ShownProposal): Promise<Performed> {
  const { kind, args } = asked;
  const idempotencyKey = blake3(
    "action\0",
    context.traceId,
    "\0",
    context.node,
    "\0",
    String(context.attempt),
    "\0",
    String(context.seq),
  );
  const earlier = context.recorded.unfinished.find((event) => event.meta.call_seq === context.seq);
  if (earlier && kind.afterCrash === "ask") {
    // An attempt that was stopped in the middle of the effect has written this down itself.
    if (!context.recorded.outcomes.some((event) => event.meta.proposal_id === proposal.id))
      await context.journal.append([finished(proposal.id, "unknown", "the host died before it knew the outcome")]);
    throw new CallFailure("failed", `whether \`${kind.kind}\` happened is not known; nothing is sent again without a person`);
  }
  const firstDispatchMs = earlier ? earlier.ts_ms : (await started(context, asked, idempotencyKey)).ts_ms;
  try {
    const dispatch = { idempotencyKey, firstDispatchMs, signal: context.signal };
    const performed = await kind.perform(args, dispatch, desk.storeBlob);
    return { ...performed, events: [...performed.events, finished(proposal.id, "done", performed.detail)] };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    await context.journal.append([finished(proposal.id, error instanceof OutcomeUnknown ? "unknown" : "failed", detail)]);
    throw error instanceof CallFailure ? error : new CallFailure("unavailable", `\`${kind.kind}\` failed: ${detail}`);
  }
}

async function started(context: CallContext, asked: AskedAction, idempotencyKey: Digest): Promise<RunEventOf<"call.started">> {
  const [event] = await context.journal.append([
    {
      kind: "call.started",
      level: "info",
      message: `${context.node} ${asked.interface}.${asked.function}`,
      meta: {
        node: context.node,
        attempt: context.attempt,
        call_seq: context.seq,
        interface: asked.interface,
        function: asked.function,
        request_hash: context.requestHash,
        idempotency_key: idempotencyKey,
      },
    },
  ]);
  return event as RunEventOf<"call.started">;
}

function finished(id: ProposalId, outcome: "done" | "failed" | "unknown", detail: string): RunEventDraft {
  return {
    kind: "action.finished",
    level: outcome === "done" ? "info" : "error",
    message: `action ${outcome}`,
    meta: { proposal_id: id, outcome, detail: detail.slice(0, 4096).toWellFormed() },
  };
}
