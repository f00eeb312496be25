/** Every reference names a node that is there and a port that its agent declares. */
import { quoted } from "../language/diagnostic.js";
import type { DraftNode, PlacedRef } from "../language/draft.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

export function checkReferences(context: CheckContext): void {
  const { draft } = context;
  for (const { from, to } of draft.edges) {
    if (from) checkOutput(context, from, "error");
    if (!to) continue;
    const target = checkNode(context, to);
    // What a guard points at need not be a port: it only gates.
    if (target && from && !from.guard) checkInput(context, to, target);
  }
  // A success expression over a port that is not there is false, never an error; it is hardly what was meant.
  for (const expression of draft.success?.of ?? []) checkOutput(context, expression, "warning");
  for (const artifact of draft.save) checkOutput(context, artifact, "error");
}

function checkNode({ report, nodes }: CheckContext, { ref, nodeSpan }: PlacedRef): DraftNode | undefined {
  const node = nodes.get(ref.node);
  if (!node)
    report.error("OPENING_UNKNOWN_NODE", nodeSpan, `unknown node ${quoted(ref.node)}`, nameHint(ref.node, nodes.keys(), "nodes"));
  return node;
}

function checkOutput(context: CheckContext, placed: PlacedRef, severity: "error" | "warning"): void {
  const node = checkNode(context, placed);
  const agent = node && context.agentOf.get(node);
  if (!agent || portOf(agent.outputs, placed.ref.port)) return;
  const { node: id, port } = placed.ref;
  const message = `${quoted(id)} (agent ${agent.name}) has no output ${quoted(port)}`;
  const hint = nameHint(port, Object.keys(agent.outputs), "outputs");
  if (severity === "error") context.report.error("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
  else context.report.warn("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
}

function checkInput(context: CheckContext, placed: PlacedRef, node: DraftNode): void {
  const agent = context.agentOf.get(node);
  if (!agent || portOf(agent.inputs, placed.ref.port)) return;
  const message = `${quoted(placed.ref.node)} (agent ${agent.name}) has no input ${quoted(placed.ref.port)}`;
  const hint = nameHint(placed.ref.port, Object.keys(agent.inputs), "inputs");
  context.report.error("OPENING_UNKNOWN_PORT", placed.portSpan, message, hint);
}
