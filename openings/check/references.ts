/** Every reference names a node that is there and a port that its agent declares. */
import { INPUTS } from "../ir.js";
import { quoted } from "../language/diagnostic.js";
import type { DraftNode, PlacedRef } from "../language/draft.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

export function checkReferences(context: CheckContext): void {
  const { draft } = context;
  for (const { from, to } of draft.edges) {
    if (from && isOwnInput(context, from)) checkOwnInput(context, from);
    else if (from) checkOutput(context, from, "error");
    if (!to) continue;
    const target = checkNode(context, to);
    // What a guard points at need not be a port: it only gates.
    if (target && from && !from.guard) checkInput(context, to, target);
  }
  // A success expression over a port that is not there is false, never an error; it is hardly what was meant.
  for (const expression of draft.success?.of ?? []) checkOutput(context, expression, "warning");
  for (const artifact of draft.save) checkOutput(context, artifact, "error");
  for (const output of Object.values(draft.outputs ?? {})) checkOutput(context, output, "error");
  const taken = draft.inputs ? context.nodes.get(INPUTS) : undefined;
  if (taken)
    context.report.error(
      "OPENING_DUPLICATE_ID",
      taken.span,
      "`inputs` is what the edges of this opening call its own inputs, and no node of it has that id",
    );
}

function checkNode({ report, nodes }: CheckContext, { ref, nodeSpan }: PlacedRef): DraftNode | undefined {
  const node = nodes.get(ref.node);
  if (!node)
    report.error("OPENING_UNKNOWN_NODE", nodeSpan, `unknown node ${quoted(ref.node)}`, nameHint(ref.node, nodes.keys(), "nodes"));
  return node;
}

/** `inputs.<name>`, in an opening that has inputs. */
export const isOwnInput = ({ draft }: CheckContext, { ref }: PlacedRef): boolean => draft.inputs !== null && ref.node === INPUTS;

function checkOwnInput({ report, draft }: CheckContext, { ref, portSpan }: PlacedRef): void {
  const names = Object.keys(draft.inputs ?? {});
  if (names.includes(ref.port)) return;
  const hint = nameHint(ref.port, names, "inputs");
  report.error("OPENING_UNKNOWN_PORT", portSpan, `this opening has no input ${quoted(ref.port)}`, hint);
}

function checkOutput(context: CheckContext, placed: PlacedRef, severity: "error" | "warning"): void {
  const node = checkNode(context, placed);
  const face = node && context.faceOf.get(node);
  if (!face || portOf(face.outputs, placed.ref.port)) return;
  const { node: id, port } = placed.ref;
  const message = `${quoted(id)} (${face.what}) has no output ${quoted(port)}`;
  const hint = nameHint(port, Object.keys(face.outputs), "outputs");
  if (severity === "error") context.report.error("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
  else context.report.warn("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
}

function checkInput(context: CheckContext, placed: PlacedRef, node: DraftNode): void {
  const face = context.faceOf.get(node);
  if (!face || portOf(face.inputs, placed.ref.port)) return;
  const message = `${quoted(placed.ref.node)} (${face.what}) has no input ${quoted(placed.ref.port)}`;
  const hint = nameHint(placed.ref.port, Object.keys(face.inputs), "inputs");
  context.report.error("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
}
