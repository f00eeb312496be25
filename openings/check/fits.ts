/** Whether what a port carries is what another one takes. */
import type { Port, TypeRegistry } from "../agent.js";
import { ANY } from "../types/registry.js";

/** `any` on either side fits: from an `any` the value is checked when it arrives. */
export function fits(source: Port, target: Port): boolean {
  if (target.types.includes(ANY) || source.types.includes(ANY)) return true;
  return source.types.some((type) => target.types.includes(type));
}

/** Into the input of a `for_each` go lists, each element by itself, and what the input takes as it is. */
export function fitsElements(source: Port, target: Port, types: TypeRegistry): boolean {
  return fits(source, target) || source.types.some((type) => type === ANY || type === "json.v1" || isList(type, types));
}

function isList(type: string, types: TypeRegistry): boolean {
  const said = types.get(type)?.["type"];
  return said === "array" || (Array.isArray(said) && said.includes("array"));
}
