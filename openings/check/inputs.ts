/** A required input has a value: an edge or a `with` value, and never both for one port. */
import type { Port } from "../agent.js";
import { ERROR_PORT } from "../ir.js";
import { quoted, type Hint } from "../language/diagnostic.js";
import type { DraftNode } from "../language/draft.js";
import { mapEntry } from "../language/value.js";
import { portOf, type CheckContext } from "./context.js";
import { fits } from "./fits.js";

export function checkInputs(context: CheckContext): void {
  const { report, draft, faceOf } = context;
  const fed = new Map<string, Set<string>>();
  const feed = (node: string, port: string): void => {
    const ports = fed.get(node);
    if (ports) ports.add(port);
    else fed.set(node, new Set([port]));
  };
  for (const { from, to } of draft.edges) if (to && !from?.guard) feed(to.ref.node, to.ref.port);
  const recovering = new Set(draft.nodes.map(({ on_error: target }) => target?.value));
  for (const [node, agent] of faceOf) {
    if (node.id === null || context.nodes.get(node.id) !== node) continue;
    for (const [name, port] of Object.entries(agent.inputs)) {
      const edge = fed.get(node.id)?.has(name) ?? false;
      const given = node.with.tree ? mapEntry(node.with.tree, name) : undefined;
      if (edge && given)
        report.error(
          "OPENING_INPUT_TWICE",
          given.keySpan,
          `the input ${quoted(name)} of ${quoted(node.id)} gets a value here and from an edge`,
        );
      const unread = node.with.value === null && !node.with.tree;
      const failure = name === ERROR_PORT && recovering.has(node.id);
      if (!port.required || edge || given || unread || failure) continue;
      const message = `the required input ${quoted(name)} of ${quoted(node.id)} (${port.types.join(" or ")}) gets no value`;
      report.error("OPENING_MISSING_INPUT", node.span, message, whoFits(context, node, name, port));
    }
  }
}

/** The first output in the file that fits. */
function whoFits({ draft, faceOf }: CheckContext, target: DraftNode, name: string, port: Port): Hint {
  return () => {
    for (const node of draft.nodes) {
      if (node === target || node.id === null) continue;
      const outputs = faceOf.get(node)?.outputs ?? {};
      const found = Object.keys(outputs).find((output) => {
        const source = portOf(outputs, output);
        return source && !port.types.includes("any") && fits(source, port);
      });
      if (found !== undefined) return `add an edge from: "${node.id}.${found}", to: "${target.id}.${name}"`;
    }
    return `add an edge to "${target.id}.${name}", or \`with: {${name}: …}\``;
  };
}
