/** `on_error`: the node that takes over when another one has failed has an input for the failure. */
import { ERROR_PORT, ERROR_TYPE } from "../ir.js";
import { quoted } from "../language/diagnostic.js";
import { mapEntry } from "../language/value.js";
import { ANY } from "../types/registry.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

export function checkRecovery({ report, draft, nodes, faceOf }: CheckContext): void {
  for (const { on_error: target } of draft.nodes) {
    if (!target) continue;
    const node = nodes.get(target.value);
    if (!node) {
      const hint = nameHint(target.value, nodes.keys(), "nodes");
      report.error("OPENING_UNKNOWN_NODE", target.span, `unknown node ${quoted(target.value)}`, hint);
      continue;
    }
    const face = faceOf.get(node);
    if (!face) continue;
    const port = portOf(face.inputs, ERROR_PORT);
    const given = node.with.tree ? mapEntry(node.with.tree, ERROR_PORT) : undefined;
    if (!port)
      report.error(
        "OPENING_UNKNOWN_PORT",
        target.span,
        `${quoted(target.value)} (${face.what}) has no input \`${ERROR_PORT}\` to take a failure`,
        `a node that recovers others has an input \`${ERROR_PORT}\` of the type ${ERROR_TYPE}`,
      );
    else if (![ERROR_TYPE, "json.v1", ANY].some((type) => port.types.includes(type)))
      report.error(
        "OPENING_PORT_TYPE",
        target.span,
        `a failure is ${ERROR_TYPE}, ${quoted(`${target.value}.${ERROR_PORT}`)} takes ${port.types.join(" or ")}`,
      );
    else if (given)
      report.error(
        "OPENING_INPUT_TWICE",
        given.keySpan,
        `the input \`${ERROR_PORT}\` of ${quoted(target.value)} gets a value here and from \`on_error\``,
      );
  }
}
