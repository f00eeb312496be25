/** Port types by name. */
import { RlpError } from "#core/errors.js";
import type { Json, JsonObject } from "#core/json.js";
import { nearest } from "#core/nearest.js";
import type { TypeRegistry } from "../agent.js";
import { misfits, schemaFault, type Misfit } from "./schema.js";

/** `name(.name)*.vN`. */
export const TYPE_NAME = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){0,15}\.v[1-9][0-9]{0,5}$/;

/** Accepts every value; as the type of an input port, every type. */
export const ANY = "any";

const builtIns: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  [ANY, {}],
  ["json.v1", {}],
  ["text.v1", { type: "string" }],
  ["bool.v1", { type: "boolean" }],
  ["number.v1", { type: "number" }],
  // What a node gets that recovers another one (`on_error`).
  [
    "node.error.v1",
    {
      type: "object",
      required: ["node", "reason", "attempts"],
      properties: {
        node: { type: "string" },
        reason: {
          type: "object",
          required: ["code", "message", "retryable"],
          properties: { code: { type: "string" }, message: { type: "string" }, retryable: { type: "boolean" } },
        },
        attempts: { type: "integer", minimum: 1 },
      },
    },
  ],
]);

export type TypeCode = "TYPE_NAME" | "TYPE_BUILT_IN" | "TYPE_SCHEMA";

/** A port type that cannot be registered. */
export class PortTypeError extends RlpError<TypeCode> {
  readonly family = "type";
}

/**
 * A registry of these schemas and the built-in types. Throws `TYPE_NAME`, `TYPE_BUILT_IN` (a built-in type cannot be redefined)
 * and `TYPE_SCHEMA`.
 */
export function schemaRegistry(schemas: Readonly<Record<string, JsonObject>>): TypeRegistry {
  const types = new Map(builtIns);
  for (const [name, schema] of Object.entries(schemas)) {
    const place = { at: `type ${name.slice(0, 80)}` };
    if (builtIns.has(name)) throw new PortTypeError("TYPE_BUILT_IN", `the type ${name} is built in`, { place });
    if (!TYPE_NAME.test(name))
      throw new PortTypeError("TYPE_NAME", `${JSON.stringify(name.slice(0, 80))} is not a type name`, {
        place,
        hint: "type names look like contact.list.v1",
      });
    const fault = schemaFault(schema);
    if (fault)
      throw new PortTypeError("TYPE_SCHEMA", `the schema of ${name} cannot be used: ${fault.message}`, {
        place: { ...place, pointer: fault.pointer },
      });
    types.set(name, schema);
  }
  return { get: (type) => types.get(type), names: () => [...types.keys()] };
}

/** `own` laid under `shared`: what an agent brings for itself never changes a shared type. */
export function withAgentTypes(shared: TypeRegistry, own: Readonly<Record<string, JsonObject>>): TypeRegistry {
  return {
    get: (type) => shared.get(type) ?? (Object.hasOwn(own, type) ? own[type] : undefined),
    names: () => [...new Set([...shared.names(), ...Object.keys(own)])],
  };
}

/** Whether a value fits a port type: null, or the first thing that does not. A type that is not registered fits nothing. */
export function checkValue(type: string, value: Json, registry: TypeRegistry): Misfit | null {
  const schema = registry.get(type);
  if (schema) return misfits(schema, value)[0] ?? null;
  const near = nearest(type, registry.names());
  return { pointer: "", message: `unknown type ${type}${near === undefined ? "" : `, did you mean ${near}?`}` };
}
