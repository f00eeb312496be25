/** `rlp agent run`: one attempt of one agent, live, with the home's knowledge base, models and decisions. */
import { basename, dirname } from "node:path";
import { Option, type Command } from "commander";
import { Exit, UsageError, type ExitCode } from "#core/errors.js";
import type { RunEvent } from "#core/events.js";
import { IDENTIFIER } from "#core/ids.js";
import type { Json } from "#core/json.js";
import type { Failure } from "#core/values.js";
import type { RunResult } from "#host/run/contract.js";
import type { Host } from "#host/host.js";
import { agentMeant } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { formatFailure, usage } from "../../failure.js";
import { loadStored } from "../../ledger.js";
import { usable } from "../../opening.js";
import { examples } from "../../program.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../../run/accept-reduced.js";
import { exitOf } from "../../run/exit.js";
import { listenForInterrupt } from "../../run/interrupt.js";
import { oneNode, readInputs, readWith } from "../../run/one-node.js";
import { follow, viewOf } from "../../run/view.js";
import { deciderOf } from "../../run/watched.js";
import { visibleText } from "#core/visible.js";
import { wholeNumber } from "../../whole-number.js";

interface Flags extends AcceptReducedFlags {
  readonly input?: readonly string[];
  readonly with?: string;
  readonly yes?: boolean;
  readonly deny?: boolean;
  readonly seed?: number;
}

export function define(command: Command, act: Act): void {
  acceptReducedOption(command.argument("<agent>", "a name, or a bundle's folder"))
    .option("--input <port=json>", "a value for a port; repeatable", (word: string, before: string[] = []) => [...before, word])
    .option("--with <json>", "the node's `with`, a JSON object")
    .addOption(new Option("--yes", "approve whatever is proposed").conflicts("deny"))
    .addOption(new Option("--deny", "reject whatever is proposed"))
    .option("--seed <n>", "the run's seed; drawn where it is not given", wholeNumber("--seed", Number.MAX_SAFE_INTEGER))
    .addHelpText(
      "after",
      examples(
        ["rlp agent run note_taker --input text=hello", "prints what comes out of its ports"],
        [`rlp agent run contact_resolver --with '{"query": "ada"}'`, "a bundled agent, on this home's contacts"],
      ),
    )
    .action(act(run));
}

async function run(context: Context, args: readonly string[], flags: Flags): Promise<ExitCode> {
  const { out } = context;
  const [what = ""] = args;
  const { folder } = await agentMeant(context, what);
  const name = folder === undefined ? what : basename(folder);
  if (folder !== undefined && !IDENTIFIER.test(name))
    throw new UsageError("USAGE", `the folder's name \`${name}\` is no agent's name`, {
      place: { file: folder },
      hint: "name the folder as the agent",
    });
  const host = await context.host({ ...acceptedReduced(flags), ...(folder !== undefined && { agentDirs: [dirname(folder)] }) });
  const { face } = await host.agent(name);
  const inputs = readInputs(flags.input ?? [], face);
  const options = readWith(flags.with);
  const twice = Object.keys(inputs).find((key) => Object.hasOwn(options, key));
  if (twice !== undefined) throw usage(`\`${twice}\` stands in --input and in --with`, "give it once");
  const { text, params } = oneNode(name, { ...options, ...inputs });
  const compiled = usable(await host.compileText(`rlp agent run ${name}`, new TextEncoder().encode(text), params), out);

  const { startRun } = await import("#host/run/start.js");
  const interrupt = listenForInterrupt(context.world, out);
  let view = viewOf(compiled.opening);
  let last: Extract<RunEvent, { kind: "node.finished" }> | null = null;
  const onEvent = (event: RunEvent): void => {
    view = follow(view, event);
    if (event.kind === "node.finished") last = event;
  };
  try {
    const decider = deciderOf(context, flags, null, interrupt);
    const signals = { interrupt: interrupt.signal };
    const result = await startRun(host, compiled, {
      decider,
      onEvent,
      signals,
      ...(flags.seed !== undefined && { seed: flags.seed }),
    });
    await tell(context, host, result, last);
    return interrupt.signal.aborted && result.status === "parked" ? Exit.interrupted : exitOf(result, view);
  } finally {
    interrupt.stop();
  }
}

async function tell(
  context: Context,
  host: Host,
  result: RunResult,
  last: Extract<RunEvent, { kind: "node.finished" }> | null,
): Promise<void> {
  const { out } = context;
  const ledger = await host.ledger();
  const outputs = (last?.meta.outputs ?? []).map(({ port, type, body }) => ({ port, type, body: loadStored(ledger, body) }));
  const failure: Failure | null = last?.meta.error ?? null;
  if (!out.readable) {
    out.data({ status: result.status, trace: result.traceId, outputs, failure, waiting: result.waiting });
    return;
  }
  for (const { port, type, body } of outputs) {
    out.print(`${out.colours.bold(port)}  ${out.colours.dim(type)}`);
    out.print(`${visibleText(textOf(body)).replace(/^/gm, "  ")}\n`);
  }
  if (failure) out.complain(formatFailure({ code: failure.code, message: failure.message }, out));
  for (const proposal of result.waiting) out.note(`waits for a decision: ${context.invocation(`approve ${proposal}`)}`);
  if (result.status === "parked") out.note(`goes on with: ${context.invocation(`resume ${result.traceId}`)}`);
  out.note(`${result.status}, ${result.traceId}`);
}

const textOf = (body: Json): string => (typeof body === "string" ? body : JSON.stringify(body, null, 2));
