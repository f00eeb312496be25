/** Values against schemas: interpreted, never compiled to code (schemas come with strangers' bundles). */
import { dereference, validate, type OutputUnit, type Schema } from "@cfworker/json-schema";
import type { Json, JsonObject } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import { Meter, MeterExhausted } from "./meter.js";
import { prepareSchema, SchemaFault } from "./prepare.js";

/** What does not fit. `pointer` is an RFC 6901 pointer into the value (of a schema's own fault: into the schema). */
export interface Misfit {
  readonly pointer: string;
  readonly message: string;
}

/** Visits of subschemas that one validation may make, about a second's worth at worst. */
const VISITS = 500_000;
const MISFITS = 20;

type Ready =
  | {
      readonly ok: true;
      readonly schema: Schema | boolean;
      readonly lookup: Record<string, Schema | boolean>;
      readonly meter: Meter;
    }
  | { readonly ok: false; readonly fault: Misfit };

const ready = new WeakMap<JsonObject, Ready>();

/** A schema is prepared once for as long as its object lives. It must not change afterwards. */
function readySchema(schema: JsonObject): Ready {
  const known = ready.get(schema);
  if (known) return known;
  const made = prepare(schema);
  ready.set(schema, made);
  return made;
}

function prepare(schema: JsonObject): Ready {
  const meter = new Meter();
  try {
    const prepared = prepareSchema(schema, meter) as Schema | boolean;
    return { ok: true, schema: prepared, lookup: dereference(prepared), meter };
  } catch (error) {
    if (error instanceof SchemaFault) return { ok: false, fault: { pointer: error.pointer, message: error.message } };
    throw error;
  }
}

/** Why a schema cannot be used, or null. */
export function schemaFault(schema: JsonObject): Misfit | null {
  const made = readySchema(schema);
  return made.ok ? null : made.fault;
}

/**
 * What in `value` does not fit: the first misfit, or (`all`) up to twenty. A schema that cannot be used, and a value that takes too
 * long to check, fit nothing.
 */
export function misfits(schema: JsonObject, value: Json, all = false): readonly Misfit[] {
  const made = readySchema(schema);
  if (!made.ok) return [{ pointer: "", message: `its schema cannot be used: ${made.fault.message}` }];
  try {
    const { valid, errors } = made.meter.limit(VISITS, () => validate(value, made.schema, "2020-12", made.lookup, !all));
    if (valid) return [];
    const told = leaves(errors);
    return all ? told.slice(0, MISFITS) : told.slice(0, 1);
  } catch (error) {
    if (error instanceof MeterExhausted) return [{ pointer: "", message: "the value takes too many steps to check" }];
    // The validator recurses with the value and the schema, and spreads lists of errors over the stack.
    if (error instanceof RangeError) return [{ pointer: "", message: "the value is too deep or has too many faults to check" }];
    if (error instanceof URIError) return [{ pointer: "", message: "a member's name holds half a character" }];
    throw error;
  }
}

/** Errors that only say that something inside is wrong. */
const CONTAINERS: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "if",
  "dependentSchemas",
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "items",
  "prefixItems",
  "unevaluatedItems",
]);
/** Under these, a fault inside one branch is not a fault of the value. */
const BRANCHES = /\/(?:anyOf|oneOf|contains|not)(?:\/|$)/;

function leaves(errors: readonly OutputUnit[]): readonly Misfit[] {
  const own = errors.filter((error) => !CONTAINERS.has(error.keyword));
  const outer = own.filter((error) => !BRANCHES.test(error.keywordLocation.slice(0, -error.keyword.length)));
  const chosen = outer.length > 0 ? outer : own.length > 0 ? own : errors;
  const told = new Map<string, Misfit>();
  for (const error of chosen) {
    const misfit = { pointer: pointerOf(error.instanceLocation), message: messageOf(error) };
    told.set(`${misfit.pointer}\0${misfit.message}`, misfit);
  }
  return [...told.values()];
}

const pointerOf = (location: string): string => decodeURIComponent(location.replace(/^#/, ""));

function messageOf({ keyword, error }: OutputUnit): string {
  const [, got = "", expected = ""] = /^Instance type "(.*)" is invalid\. Expected (.*)\.$/s.exec(error) ?? [];
  if (got !== "") return `expected ${expected.replaceAll('"', "").replaceAll(", ", " or ")}, got ${got}`;
  if (keyword === "required")
    return error.replace(
      /^Instance does not have required property (".*")\.$/s,
      (_, name: string) => `${visibleLine(name)} is missing`,
    );
  if (keyword === "false") return "this is not allowed here";
  const text = visibleLine(error)
    .slice(0, 300)
    .replace(/\.$/, "")
    .replace(/^Instance /, "the value ");
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
