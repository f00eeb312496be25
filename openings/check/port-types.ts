/** An edge that carries a value joins a type to a port that takes it; a guard compares with a literal that the port can carry. */
import type { Port } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import type { PlacedRef } from "../language/draft.js";
import { ANY } from "../types/registry.js";
import { portOf, type CheckContext } from "./context.js";

/** `any` on either side fits: from an `any` the value is checked when it arrives. */
export function fits(source: Port, target: Port): boolean {
  if (target.types.includes(ANY) || source.types.includes(ANY)) return true;
  return source.types.some((type) => target.types.includes(type));
}

export function checkPortTypes(context: CheckContext): void {
  for (const { from, to } of context.draft.edges) {
    if (!from) continue;
    const source = output(context, from);
    if (!source) continue;
    if (from.guard) checkLiteral(context, source, from.guard);
    else if (to) checkEdge(context, from, source, to);
  }
}

function output({ nodes, agentOf }: CheckContext, { ref }: PlacedRef): Port | undefined {
  const node = nodes.get(ref.node);
  const agent = node && agentOf.get(node);
  return agent && portOf(agent.outputs, ref.port);
}

function checkEdge({ report, nodes, agentOf }: CheckContext, from: PlacedRef, source: Port, to: PlacedRef): void {
  const node = nodes.get(to.ref.node);
  const agent = node && agentOf.get(node);
  const target = agent && portOf(agent.inputs, to.ref.port);
  if (!target || fits(source, target)) return;
  const name = (ref: PlacedRef["ref"]): string => quoted(`${ref.node}.${ref.port}`);
  const message = `${name(from.ref)} carries ${source.types.join(" or ")}, ${name(to.ref)} takes ${target.types.join(" or ")}`;
  const others = Object.entries(agent.inputs).filter(([, port]) => fits(source, port));
  const hint = others.map(([port]) => quoted(`${to.ref.node}.${port}`)).join(", ");
  const span = { start: to.nodeSpan.start, end: to.portSpan.end };
  report.error("OPENING_PORT_TYPE", span, message, hint === "" ? undefined : `it fits ${hint}`);
}

const LITERALS: Readonly<Record<string, string>> = { boolean: "bool.v1", number: "number.v1", string: "text.v1" };

type Guard = NonNullable<NonNullable<CheckContext["draft"]["edges"][number]["from"]>["guard"]>;

/** A guard that can never hold is no error (a value of another type is false), but nobody means it. */
function checkLiteral({ report }: CheckContext, source: Port, guard: Guard): void {
  const { op, literal } = guard.value;
  const type = LITERALS[typeof literal] ?? ANY;
  const [carried] = source.types;
  if (typeof literal === "boolean" && op !== "==" && op !== "!=")
    report.warn("OPENING_GUARD", guard.span, `true and false have no order: this guard never holds`, "compare with == or !=");
  else if (carried !== undefined && source.types.length === 1 && Object.values(LITERALS).includes(carried) && carried !== type)
    report.warn("OPENING_GUARD", guard.span, `this guard never holds: the port carries ${carried}, the literal is ${type}`);
}
