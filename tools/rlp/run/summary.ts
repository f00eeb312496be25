/** What a run came to, in a few lines: status, nodes, the mail or artifact, where it lies, what to type next. */
import type { Json } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import { visibleLine, visibleText } from "#core/visible.js";
import { bytes, duration } from "../terminal/quantity.js";
import { mark, paint } from "../terminal/state.js";
import { cut, pad, width } from "../terminal/width.js";
import type { Look } from "./lines.js";
import type { NodeView, RunView } from "./view.js";

/** `compose_email: ok in 41 ms` and a line for each node. */
export function summaryLines(view: RunView, columns: number, look: Look): string[] {
  const { colours, unicode } = look;
  const took = view.activeMs === null ? "" : ` in ${duration(view.activeMs)}`;
  const why = view.reason === null || view.reason === "" ? "" : `: ${visibleLine(view.reason)}`;
  const head = `${paint(view.state, mark(view.state, unicode), colours)} ${colours.bold(visibleLine(view.name))} ${paint(view.state, view.state, colours)}${took}${why}`;
  const nodes = [...view.nodes.values()];
  const names = Math.min(24, Math.max(4, ...nodes.map(({ id }) => width(id))));
  return [
    head,
    ...nodes.map((node) => nodeLine(node, names, view.senders, columns, look)),
    ...(view.rejected > 0
      ? [
          `  ! ${view.rejected === 1 ? "an action was" : `${view.rejected} actions were`} rejected, so this command ends with exit code 1`,
        ]
      : []),
    ...view.remarks.map((remark) => `  ! ${visibleLine(remark)}`),
  ];
}

function nodeLine(
  node: NodeView,
  names: number,
  senders: RunView["senders"],
  columns: number,
  { colours, unicode }: Look,
): string {
  const { state } = node;
  const tries = node.attempt > 1 ? `attempt ${node.attempt}` : "";
  const line = [
    `  ${paint(state, mark(state, unicode), colours)} ${paint(state, pad(state, 9), colours)}`,
    pad(cut(visibleLine(node.id), names), names),
    (node.durationMs === null ? "" : duration(node.durationMs)).padStart(8),
    [tries, outcome(node, senders)].filter((part) => part !== "").join(", "),
  ]
    .join("  ")
    .trimEnd();
  // Why something failed or did not happen is never cut.
  return state === "ok" ? cut(line, columns) : line;
}

function outcome(node: NodeView, senders: RunView["senders"]): string {
  const note = visibleLine(node.note);
  if (node.state === "skipped") return `${senders.has(node.id) ? "not sent" : "not run"}: ${note}`;
  return node.state === "ok" && note !== "reused" ? "" : note;
}

/** A mail as it was, or would have been, sent. */
export interface MailText {
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
}

/** Reads a mail out of an artifact's body, whichever agent wrote it: `to` may be addresses or `{name?, email}`. */
export function mailOf(body: Json): MailText | null {
  if (!isJsonObject(body) || typeof body["subject"] !== "string" || typeof body["body"] !== "string") return null;
  const given = body["to"] ?? body["recipients"] ?? [];
  const to = (Array.isArray(given) ? given : [given]).map((one: Json) =>
    isJsonObject(one) ? String(one["email"] ?? one["name"] ?? "") : String(one),
  );
  return { to: to.filter((address) => address !== ""), subject: body["subject"], body: body["body"] };
}

/** The mail, whole, every hidden character visible. */
export function mailLines(mail: MailText, look: Look): string[] {
  const { colours } = look;
  return [
    `${colours.bold("To:")}      ${mail.to.map(visibleLine).join(", ")}`,
    `${colours.bold("Subject:")} ${visibleLine(mail.subject)}`,
    "",
    ...visibleText(mail.body).trimEnd().split("\n"),
  ].map((line) => `  ${line}`.trimEnd());
}

/** An artifact that is no mail: its beginning. */
export function artifactLines(body: Json, maxLines = 20): string[] {
  const text =
    typeof body === "string"
      ? body
      : isJsonObject(body) && typeof body["text"] === "string"
        ? body["text"]
        : JSON.stringify(body, null, 2);
  const lines = visibleText(text).trimEnd().split("\n");
  const shown = lines.slice(0, maxLines).map((line) => `  ${line}`.trimEnd());
  return lines.length > maxLines
    ? [...shown, `  … ${lines.length - maxLines} more lines (${bytes(Buffer.byteLength(text))} in all)`]
    : shown;
}
