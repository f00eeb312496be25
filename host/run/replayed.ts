/**
 * What a replay looks at beside requests and answers: the lines of the log, and what was proposed and decided. An answer alone says
 * only that something was done; the record must also say what, and that it was approved.
 */
import type { RunEventOf } from "#core/events.js";
import { proposalIdOf } from "../imports/actions.js";
import type { ActionKind } from "../actions/action.js";
import { FILES_ACTION } from "../actions/files.js";
import { asWanted, type Change } from "../fs/changes.js";
import { canonicalJson, isJsonObject, parseJson, type Json } from "#core/json.js";
import type { TraceId } from "#core/ids.js";
import type { StoredValue } from "#core/values.js";
import type { ReplaySpec } from "#openings/replay/executor.js";
import type { CallAnswer, GuestCall } from "../component/contract.js";
import { AttemptCalls, Divergence } from "./calls.js";
import { isCommit } from "./commit-files.js";
import type { LineDraft, LogTaker } from "./executor.js";

export interface Evidence {
  readonly traceId: TraceId;
  readonly spec: ReplaySpec;
  /** What the attempt said, in its log and on standard streams, in order. */
  readonly lines: readonly RunEventOf<LineDraft["kind"]>[];
  /** Whether the attempt came to its end: only then it has said all that it says. */
  readonly ended: boolean;
  readonly kinds: ReadonlyMap<string, ActionKind>;
  readonly load: (stored: StoredValue) => Json;
  readonly stop: (reason: Error) => void;
}

/** Calls that are answered from the record, which must also hold what an action needs: the proposal, the decision, the outcome. */
export class ReplayedCalls extends AttemptCalls {
  private readonly evidence: Evidence;

  constructor(evidence: Evidence) {
    const { spec, load, stop } = evidence;
    super(spec, { load }, null, stop);
    this.evidence = evidence;
  }

  protected override get comparesFuel(): boolean {
    return this.evidence.spec.otherBuild !== true;
  }

  override async answer(call: GuestCall): Promise<CallAnswer> {
    const answer = await super.answer(call);
    const amiss = this.amiss(call, answer);
    if (!amiss) return answer;
    const { node, attempt } = this.evidence.spec;
    const divergence = new Divergence({ node, attempt, call: call.seq, ...amiss });
    this.evidence.stop(divergence);
    throw divergence;
  }

  private amiss(call: GuestCall, answer: CallAnswer): { what: string; expected: Json; got: Json } | null {
    const { spec } = this.evidence;
    const { calls, proposals } = spec.recorded;
    const denied = "err" in answer && answer.err.code === "denied";
    if (calls[call.seq]?.meta.decision === "denied" && !denied)
      return { what: "a call that was answered stands as denied", expected: "denied", got: "allowed" };
    const proposal = proposals.find(({ meta }) => meta.call_seq === call.seq)?.meta;
    if (proposal) return this.amissWith(proposal, call, answer);
    const decided = isCommit(call) ? !isUnchanged(answer) : call.interface === "actions";
    return decided && "ok" in answer
      ? { what: "it was decided, and nothing was proposed", expected: null, got: `call ${call.seq}` }
      : null;
  }

  private amissWith(proposal: RunEventOf<"action.proposed">["meta"], call: GuestCall, answer: CallAnswer) {
    const { spec, traceId } = this.evidence;
    const id = proposalIdOf({ traceId, node: spec.node, attempt: spec.attempt, seq: call.seq });
    if (proposal.proposal_id !== id) return { what: "another proposal stands there", expected: proposal.proposal_id, got: id };
    const asked = this.wanted(call);
    const said = { action: proposal.action, args: this.said(proposal) };
    if (asked && canonicalJson(asked) !== canonicalJson(said))
      return { what: "the proposal is for something else than was asked", expected: said, got: asked };

    const decisions = spec.recorded.decisions.filter(({ meta }) => meta.proposal_id === id);
    const approved = decisions.some(({ meta }) => meta.decision === "approved" && meta.args_hash === proposal.args_hash);
    const outcome = spec.recorded.outcomes.find(({ meta }) => meta.proposal_id === id)?.meta.outcome ?? null;
    const rejection = rejectionIn(answer);
    if (rejection !== null) {
      const reasons = decisions.map(({ meta }) =>
        meta.decision === "rejected" ? (meta.reason ?? `rejected by ${meta.by}`) : null,
      );
      return reasons.includes(rejection)
        ? null
        : { what: "nobody has rejected it so", expected: reasons[0] ?? null, got: rejection };
    }
    if ("ok" in answer && !approved) return { what: "it was done, and nobody has approved it", expected: "approved", got: null };
    if ("ok" in answer && outcome !== "done")
      return { what: "it was done, and its outcome says otherwise", expected: outcome, got: "done" };
    return null;
  }

  /** What was proposed; of changes to files without the digests, which no replay can take again. */
  private said({ action, args }: RunEventOf<"action.proposed">["meta"]): Json {
    const said = this.evidence.load(args);
    if (action !== FILES_ACTION) return said;
    const { changes } = said as unknown as { readonly changes: readonly Change[] };
    return changes.map(asWanted) as unknown as Json;
  }

  /** What an agent asked for by `actions.propose`, as it is normalised; null for another function, or another version's action. */
  private wanted(call: GuestCall): { action: Json; args: Json } | null {
    const [name, text] = call.args;
    if (isCommit(call)) return { action: FILES_ACTION, args: name ?? null };
    const kind = call.interface === "actions" && typeof name === "string" ? this.evidence.kinds.get(name) : undefined;
    if (!kind || typeof text !== "string") return null;
    return { action: kind.kind, args: kind.parse(parseJson(text)) };
  }
}

/** Files that hold already what the attempt wants of them: there is nothing to decide. */
function isUnchanged(answer: CallAnswer): boolean {
  return "ok" in answer && isJsonObject(answer.ok) && answer.ok["tag"] === "unchanged";
}

function rejectionIn(answer: CallAnswer): string | null {
  const value = "ok" in answer ? answer.ok : null;
  return isJsonObject(value) && value["tag"] === "rejected" && typeof value["val"] === "string" ? value["val"] : null;
}

/** A guest says again what it has said: the events on record must say the same. */
export class ReplayedLog implements LogTaker {
  private readonly evidence: Evidence;
  private seen = 0;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  restart(): void {
    this.seen = 0;
  }

  /** Where the record of an attempt that came to its end has more lines, or fewer. */
  get mismatch(): { readonly expected: number; readonly got: number } | null {
    const { lines, ended, spec } = this.evidence;
    const whole = ended && spec.stopAtFuel === null && !spec.otherBuild;
    return whole && this.seen !== lines.length ? { expected: lines.length, got: this.seen } : null;
  }

  write(line: LineDraft): void {
    const { spec, lines, stop } = this.evidence;
    if (spec.otherBuild) return;
    const recorded = lines[this.seen++];
    // An attempt that was cut off may have said more than became an event.
    if (!recorded) return;
    const [expected, got] = [recorded, line].map(({ kind, level, message, meta }) =>
      canonicalJson({ kind, level, message, meta }),
    ) as [string, string];
    if (expected !== got)
      stop(
        new Divergence({
          node: spec.node,
          attempt: spec.attempt,
          call: null,
          what: "a line that it said differs",
          expected,
          got,
        }),
      );
  }
}
