/** An edge that carries a value joins a type to a port that takes it; a guard compares with a literal that the port can carry. */
import type { Port, TypeRegistry } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import type { PlacedRef } from "../language/draft.js";
import { ANY, withAgentTypes } from "../types/registry.js";
import { portOf, type CheckContext } from "./context.js";
import type { Face } from "./faces.js";
import { fits, fitsElements } from "./fits.js";
import { isOwnInput } from "./references.js";

export function checkPortTypes(context: CheckContext): void {
  for (const { from, to } of context.draft.edges) {
    if (!from) continue;
    const source = output(context, from);
    if (!source) continue;
    if (from.guard) checkLiteral(context, source, from.guard);
    else if (to) checkEdge(context, from, source, to);
  }
}

function output(context: CheckContext, placed: PlacedRef): Port | undefined {
  const { nodes, faceOf, draft } = context;
  const { ref } = placed;
  if (isOwnInput(context, placed)) {
    const input = draft.inputs && Object.hasOwn(draft.inputs, ref.port) ? draft.inputs[ref.port] : undefined;
    return input && { types: [input.type], required: false };
  }
  const node = nodes.get(ref.node);
  const face = node && faceOf.get(node);
  return face && portOf(face.outputs, ref.port);
}

function checkEdge(context: CheckContext, from: PlacedRef, source: Port, to: PlacedRef): void {
  const { report, nodes, faceOf } = context;
  const node = nodes.get(to.ref.node);
  const face = node && faceOf.get(node);
  const target = face && portOf(face.inputs, to.ref.port);
  if (!target || fits(source, target)) return;
  const each = node.for_each?.value === to.ref.port;
  if (each && fitsElements(source, target, typesOf(context, from, face))) return;
  const name = (ref: PlacedRef["ref"]): string => quoted(`${ref.node}.${ref.port}`);
  const message = `${name(from.ref)} carries ${source.types.join(" or ")}, ${name(to.ref)} takes ${each ? "lists of " : ""}${target.types.join(" or ")}`;
  const others = Object.entries(face.inputs).filter(([, port]) => fits(source, port));
  const hint = others.map(([port]) => quoted(`${to.ref.node}.${port}`)).join(", ");
  const span = { start: to.nodeSpan.start, end: to.portSpan.end };
  report.error("OPENING_PORT_TYPE", span, message, hint === "" ? undefined : `it fits ${hint}`);
}

/** Types as both ends of an edge know them. */
function typesOf({ types, nodes, faceOf }: CheckContext, from: PlacedRef, target: Face): TypeRegistry {
  const source = nodes.get(from.ref.node);
  return withAgentTypes(withAgentTypes(types, target.schemas), (source && faceOf.get(source)?.schemas) ?? {});
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
