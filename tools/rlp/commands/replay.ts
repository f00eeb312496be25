/** `rlp replay`: executes the components again with the recorded answers, and compares every request, output and the fuel. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, RlpError, type ExitCode } from "#core/errors.js";
import type { Json } from "#core/json.js";
import { placeInRun } from "#host/run/place.js";
import { replayTrace } from "#host/run/replay.js";
import type { Divergence, ReplayVerdict } from "#openings/replay/verdict.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { bundleOption, bundlesOf, type BundleFlags } from "../run/bundles.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../run/accept-reduced.js";
import { examples } from "../program.js";
import { runSource } from "../run/source.js";

export function define(command: Command, act: Act): void {
  acceptReducedOption(
    bundleOption(
      command.argument("<trace|file>", "a run's id, or the beginning of it, or a trace file"),
      "against another build of an agent; may be given again",
    ),
  )
    .option("--agents <dir>", "look for agents here first")
    .option("--opening <file>", "against this opening: where would the run have gone another way?")
    .addHelpText(
      "after",
      examples(
        ["rlp replay 0199a3", "from the ledger; no network, no views, nothing is written"],
        ["rlp replay run.ndjson", "from a trace file, in any home"],
        ["rlp replay 0199a3 --agent writer=./writer", "whether the writer that you changed still does the same"],
      ),
    )
    .action(act(replay));
}

/** The re-execution came to something else than the record says. Exit code 4. */
class ReplayMismatch extends RlpError<"REPLAY_MISMATCH"> {
  readonly family = "replay";
  override readonly exit = Exit.mismatch;
  readonly divergence: Divergence;

  constructor(divergence: Divergence, where: string, isEdited: boolean) {
    const hint = isEdited ? EDITED_HINT : (hints[divergence.what] ?? HINT);
    super("REPLAY_MISMATCH", sentence(divergence), { place: { at: where }, hint });
    this.divergence = divergence;
  }

  override toJSON() {
    return { ...super.toJSON(), divergence: this.divergence };
  }
}

async function replay(
  context: Context,
  args: readonly string[],
  flags: AcceptReducedFlags & BundleFlags & { readonly agents?: string; readonly opening?: string },
): Promise<ExitCode> {
  const { out, world } = context;
  const [what = ""] = args;
  if (what === "") throw usage("no run is named", "`rlp runs` lists the runs there are");
  const source = await runSource(context, what);
  const host = await context.host({
    warm: false,
    ...acceptedReduced(flags),
    ...(flags.agents !== undefined && { agentDirs: [resolve(world.cwd, flags.agents)] }),
  });
  const stopped = new AbortController();
  const forget = world.onInterrupt(() => stopped.abort(new Error("interrupted")));
  const where = "trace" in source ? source.trace : source.file;
  try {
    const verdict = await replayTrace(host, source, stopped.signal, {
      agents: bundlesOf(flags, context),
      ...(flags.opening !== undefined && { opening: resolve(world.cwd, flags.opening) }),
    });
    if (!out.readable) out.data(recordOf(verdict));
    const isEdited = flags.opening !== undefined || flags.agent !== undefined;
    if (!verdict.agrees) throw new ReplayMismatch(verdict.divergence, where, isEdited);
    if (out.readable) out.print(agreement(verdict, where));
    return Exit.ok;
  } catch (error) {
    if (stopped.signal.aborted) return Exit.interrupted;
    throw error;
  } finally {
    forget();
  }
}

/** Names as in events. */
function recordOf(verdict: ReplayVerdict) {
  if (!verdict.agrees) return verdict;
  const { agrees, attempts, calls, finalHash } = verdict;
  return { agrees, attempts, calls, final_hash: finalHash };
}

function agreement({ attempts, calls, finalHash }: Extract<ReplayVerdict, { agrees: true }>, where: string): string {
  const compared = `${attempts} attempt${attempts === 1 ? "" : "s"} and ${calls} call${calls === 1 ? "" : "s"} executed again, all the same`;
  return finalHash === null
    ? `agrees as far as it goes: ${compared}; the run has not finished\n${where}`
    : `agrees: ${compared}\n${where}  ${finalHash}`;
}

function sentence({ node, attempt, call, what, expected, got }: Divergence): string {
  return `${placeInRun(node, attempt, call)}: ${names[what] ?? what} differs: expected ${shown(expected)}, got ${shown(got)}`;
}

const names: Partial<Record<Divergence["what"], string>> = {
  opening: "the opening",
  component: "the component",
  grant: "what the agent is granted",
  limits: "what the operator took from its limits",
  value: "a stored value",
  inputs: "what came in",
  request: "the request",
  response: "the recorded response",
  end: "the end",
  failure: "the failure",
  outputs: "an output",
  labels: "a label",
  state: "the state it left",
  local: "the record of clock, random, log and state",
  fuel: "the fuel used",
  journal: "the journal's digest",
  event: "an event",
};

const HINT = "the record was altered, or it was made by another version of rlp; `rlp kb verify` checks a ledger";
const EDITED_HINT = "up to there it goes as it went; `rlp fork … --from <node>` goes on from there";
const hints: Partial<Record<Divergence["what"], string>> = {
  component: "the agent at hand is not the one that ran: put that version back, or name its folder with --agents",
  grant: "the agent's policy is not the one that it ran with: put that one back, or name its folder with --agents",
  opening: "the opening stored with the run is not the one that ran",
};

function shown(value: Json): string {
  if (value === null) return "nothing";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
