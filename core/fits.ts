/**
 * Whether a value fits a schema, said without making anything: the schema library copies what it checks and makes an object for each part
 * of it, which takes several times as long, and whoever writes events needs neither. What a check here lets through, the library lets through;
 * where it says no, the library has the last word, and the reason.
 */
import type * as z from "zod";

export type Fits = (value: unknown) => boolean;

type Def = z.core.$ZodTypes["_zod"]["def"];
type Schema = z.core.$ZodType;
type CheckDef = z.core.$ZodChecks["_zod"]["def"];

/** What the library keeps of a schema or a check, for those who build on it. */
const defOf = (schema: Schema): Def => (schema as z.core.$ZodTypes)["_zod"].def;
const checksOf = ({ checks = [] }: Def): readonly CheckDef[] => checks.map((check) => (check as z.core.$ZodChecks)["_zod"].def);

/** Null for a schema with something in it that is not known here. */
export function fitsOf(schema: Schema): Fits | null {
  const def = defOf(schema);
  switch (def.type) {
    case "object":
      return object(def);
    case "record":
      return record(def);
    case "array":
      return array(def);
    case "union":
      return union(def);
    case "optional":
      return or(def, (value) => value === undefined);
    case "nullable":
      return or(def, (value) => value === null);
    case "string":
      return string(def);
    case "number":
      return number(def);
    case "boolean":
      return plain(def, (value) => typeof value === "boolean");
    case "enum":
      return among(def, Object.values(def.entries));
    case "literal":
      return among(def, def.values);
    case "custom":
      return custom(def);
    default:
      return null;
  }
}

/** A check that has none besides its own type's. */
const plain = (def: Def, fits: Fits): Fits | null => (def.checks?.length ? null : fits);

function among(def: Def, values: readonly unknown[]): Fits | null {
  // Numbers have values that are equal to none, or to another one.
  if (values.some((value) => typeof value === "number")) return null;
  return plain(def, (value) => values.includes(value));
}

function custom(def: z.core.$ZodCustomDef): Fits | null {
  const { fn } = def;
  return plain(def, (value) => fn(value) === true);
}

function or(def: z.core.$ZodOptionalDef | z.core.$ZodNullableDef, also: Fits): Fits | null {
  const inner = fitsOf(def.innerType);
  return inner && plain(def, (value) => also(value) || inner(value));
}

function union(def: z.core.$ZodUnionDef): Fits | null {
  const options = def.options.map(fitsOf);
  if (!options.every((option) => option !== null)) return null;
  return plain(def, (value) => {
    for (const option of options) if (option(value)) return true;
    return false;
  });
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** Of what is measured, each inclusive; null where more is asked of it. */
function boundsOf(def: Def): Bounds | null {
  let [least, most] = [-Infinity, Infinity];
  for (const checked of checksOf(def)) {
    if (checked.check === "min_length") least = Math.max(least, checked.minimum);
    else if (checked.check === "max_length") most = Math.min(most, checked.maximum);
    else if (checked.check === "greater_than" && checked.inclusive) least = Math.max(least, Number(checked.value));
    else if (checked.check === "less_than" && checked.inclusive) most = Math.min(most, Number(checked.value));
    else return null;
  }
  return { least, most };
}

function string(def: z.core.$ZodStringDef): Fits | null {
  const bounds = boundsOf(def);
  if (!bounds || def.coerce || "format" in def) return null;
  const { least, most } = bounds;
  return (value) => typeof value === "string" && value.length >= least && value.length <= most;
}

function number(def: z.core.$ZodNumberDef): Fits | null {
  const { check: itself, format } = def as Partial<z.core.$ZodNumberFormatDef>;
  const bounds = boundsOf(def);
  if (!bounds || def.coerce || (itself !== undefined && format !== "safeint")) return null;
  const { least, most } = bounds;
  const kind = format === "safeint" ? Number.isSafeInteger : Number.isFinite;
  return (value) => kind(value) && (value as number) >= least && (value as number) <= most;
}

function array(def: z.core.$ZodArrayDef): Fits | null {
  const element = fitsOf(def.element);
  const bounds = boundsOf(def);
  if (!element || !bounds) return null;
  const { least, most } = bounds;
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return false;
    for (let index = 0; index < value.length; index++) if (!element(value[index])) return false;
    return true;
  };
}

function record(def: z.core.$ZodRecordDef): Fits | null {
  const key = fitsOf(def.keyType);
  const member = fitsOf(def.valueType);
  if (!key || !member || def.mode) return null;
  return plain(def, (value) => {
    if (!isPlain(value)) return false;
    for (const name of Reflect.ownKeys(value))
      if (typeof name !== "string" || name === "__proto__" || !key(name) || !member(value[name])) return false;
    return true;
  });
}

/** Closed objects alone. */
function object(def: z.core.$ZodObjectDef): Fits | null {
  if (!def.catchall || defOf(def.catchall).type !== "never") return null;
  const names = Object.keys(def.shape);
  const members = names.map((name) => fitsOf(def.shape[name]!));
  if (!members.every((member) => member !== null)) return null;
  const known = new Set(names);
  const optional = names.map((name) => defOf(def.shape[name]!).type === "optional");
  return plain(def, (value) => {
    if (!isPlain(value)) return false;
    for (let index = 0; index < names.length; index++) {
      const member = value[names[index]!];
      if (member === undefined && optional[index]) continue;
      if (!members[index]!(member)) return false;
    }
    for (const name in value) if (!known.has(name)) return false;
    return true;
  });
}

/** Of no class, so that all of its members are its own. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
