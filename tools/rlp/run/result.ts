/** The last words of a run: summary, the mail or artifact, and what to type next. On a terminal on standard output, else on standard error. */
import type { Host } from "#host/host.js";
import type { RunResult } from "#host/run/contract.js";
import { visibleLine } from "#core/visible.js";
import { Exit } from "#core/errors.js";
import { quoted, shortPath, type Context } from "../context.js";
import { formatFailure } from "../failure.js";
import { jsonLine } from "../terminal/json.js";
import { loadBlob, loadStored } from "../ledger.js";
import type { Look } from "./lines.js";
import { artifactLines, mailLines, mailOf, summaryLines, type MailText } from "./summary.js";
import type { RunView } from "./view.js";
import { exitOf } from "./exit.js";

export interface Told {
  readonly host: Host;
  readonly view: RunView;
  readonly result: RunResult;
  /** `--trace-out`. */
  readonly traceOut: string | undefined;
}

export async function tellResult(context: Context, told: Told): Promise<void> {
  const { out } = context;
  const { result, view } = told;
  if (out.json) {
    // Standard output has every event already; a failure is one more object on standard error, as for any command.
    if (exitOf(result, view) === Exit.failed) out.complain(jsonLine(failureOf(told), out.stderr.isTTY === true));
    if (result.status === "parked") out.complain(JSON.stringify(parkedOf(context, told)));
    return;
  }
  const terminal = out.readable;
  const look: Look = { colours: terminal ? out.colours : out.errColours, unicode: out.unicode };
  const tell = (lines: readonly string[]): void => (terminal ? out.print(lines.join("\n")) : out.note(lines.join("\n")));
  const summary = summaryLines(view, terminal ? out.columns : Infinity, look);
  if (out.quiet) {
    if (terminal) tell([summary[0] ?? "", result.traceId]);
    else if (result.status === "parked") out.complain(nextCommands(context, told).join("\n"));
    else if (exitOf(result, view) === Exit.failed) out.complain(formatFailure(failureOf(told), out));
    return;
  }
  tell([...summary, "", ...(await productLines(told, look, context.world.cwd)), result.traceId, ...nextCommands(context, told)]);
}

/** Why the command fails: the run did, or a person refused what it proposed. */
function failureOf({ result, view }: Told) {
  const message = result.reason ?? (view.rejected > 0 ? "an action was rejected" : result.status);
  const code = result.success ? "RUN_REJECTED" : "RUN_FAILED";
  return { code, message: `${result.openingName}: ${message}`, place: { at: result.traceId } };
}

/** No error, but somebody has to do something: exit code 3 says that it waits, this says for what. */
function parkedOf(context: Context, { result }: Told) {
  const hint = [
    ...result.waiting.map((proposal) => context.invocation(`approve ${proposal}`)),
    context.invocation(`resume ${result.traceId}`),
  ].join(" && ");
  return { code: "RUN_PARKED", message: `${result.openingName}: parked`, place: { at: result.traceId }, hint };
}

/** Mails that were sent, or the last draft, or the saved artifacts. */
async function productLines({ host, view }: Told, look: Look, cwd: string): Promise<string[]> {
  const ledger = await host.ledger();
  const { colours } = look;
  if (view.mails.length > 0)
    return view.mails.flatMap(({ artifact, path, to, subject }) => {
      const mail: MailText = mailOf(loadBlob(ledger, artifact)) ?? { to, subject, body: "" };
      const lies = path === null ? [] : ["", `  ${colours.bold("lies in")} ${visibleLine(shortPath(path, cwd))}`];
      return [colours.bold("Mail"), ...mailLines(mail, look), ...lies, ""];
    });
  const draft = view.drafts.findLast(({ type }) => type.includes("draft"));
  if (draft) {
    const body = loadStored(ledger, draft.body);
    const mail = mailOf(body);
    return [
      colours.bold(`Draft from the node ${visibleLine(draft.node)}, not sent`),
      ...(mail ? mailLines(mail, look) : artifactLines(body)),
      "",
    ];
  }
  return view.artifacts.flatMap(({ source, kind, digest }) => [
    `${colours.bold(visibleLine(source ?? kind))}  ${colours.dim(`artifact:${digest}`)}`,
    ...artifactLines(loadBlob(ledger, digest)),
    "",
  ]);
}

/** Commands to paste, each with what it does. */
function nextCommands(context: Context, { result, view, traceOut }: Told): string[] {
  const trace = result.traceId;
  const next: [command: string, does: string][] = [];
  const parked = result.status === "parked";
  for (const proposal of result.waiting) {
    next.push([`approve ${proposal}`, "let it happen"]);
    next.push([`reject ${proposal} --reason ${quoted("…")}`, "or refuse it"]);
  }
  if (parked) next.push([`resume ${trace}`, result.waiting.length > 0 ? "then go on" : "go on"]);
  else {
    next.push([`trace ${trace}`, "what happened, step by step"]);
    next.push([`replay ${trace}`, "execute it again and compare everything"]);
    const [product] = [...view.mails.map(({ artifact }) => artifact), ...view.artifacts.map(({ digest }) => digest)];
    if (product !== undefined) next.push([`kb why artifact:${product.slice(0, 12)}`, "what it was made from"]);
  }
  const lines = next.map(([command, does]) => [context.invocation(command), does] as const);
  if (traceOut !== undefined) lines.push([context.agtop(traceOut), "see it again as it happened"]);
  return lines.flatMap(([command, does]) => [`  ${command}`, `      ${does}`]);
}
