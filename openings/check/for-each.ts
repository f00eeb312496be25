/** `for_each`: one invocation for each element of an input. */
import { quoted } from "../language/diagnostic.js";
import { mapEntry } from "../language/value.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

export function checkForEach(context: CheckContext): void {
  const { report, draft, faceOf } = context;
  for (const node of draft.nodes) {
    const face = faceOf.get(node);
    if (!face || !node.for_each || node.id === null) continue;
    const { value: name, span } = node.for_each;
    const port = portOf(face.inputs, name);
    if (!port) {
      const hint = nameHint(name, Object.keys(face.inputs), "inputs");
      report.error("OPENING_UNKNOWN_PORT", span, `${quoted(node.id)} (${face.what}) has no input ${quoted(name)}`, hint);
      continue;
    }
    const fed = draft.edges.some(({ from, to }) => !from?.guard && to?.ref.node === node.id && to.ref.port === name);
    const given = node.with.tree ? mapEntry(node.with.tree, name) : undefined;
    // A required input is told of with the other inputs.
    if (!fed && !given && !port.required)
      report.error(
        "OPENING_MISSING_INPUT",
        span,
        `the input ${quoted(name)} of ${quoted(node.id)}, which it is invoked for each element of, gets no value`,
      );
  }
}
