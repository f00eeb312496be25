/** Values as JSON, held to what JSON can say: nothing becomes null or disappears on the way without a word. */

/** Text as it may cross to the host: half a surrogate pair becomes U+FFFD. */
export const text = (value: unknown): string => String(value).toWellFormed();

/** Throws a TypeError that says where: `out.items[3]: a BigInt is no JSON value`. */
export function toJson(value: unknown, name: string): string {
  const written = JSON.stringify(checked(value, name, []));
  if (written === undefined) throw new TypeError(`${name}: ${kindOf(value)} is no JSON value`);
  return written;
}

function checked(value: unknown, at: string, above: readonly unknown[]): unknown {
  if (above.length > 200) throw new TypeError(`${at}: it is nested more than 200 deep`);
  const given = toJsonOf(value);
  switch (typeof given) {
    case "string":
      return given.toWellFormed();
    case "boolean":
      return given;
    case "number":
      if (!Number.isFinite(given)) throw new TypeError(`${at}: ${given} is no JSON value`);
      return given;
    case "object":
      break;
    default:
      throw new TypeError(`${at}: ${kindOf(given)} is no JSON value`);
  }
  if (given === null) return null;
  if (above.includes(given)) throw new TypeError(`${at}: it contains itself`);
  const path = [...above, given];
  if (Array.isArray(given)) return Array.from(given, (item, index) => checked(item, `${at}[${index}]`, path));
  if (
    given instanceof Map ||
    given instanceof Set ||
    given instanceof Promise ||
    ArrayBuffer.isView(given) ||
    given instanceof ArrayBuffer
  )
    throw new TypeError(`${at}: ${kindOf(given)} is no JSON value`);
  if (/^\[object (Number|String|Boolean)\]$/.test(Object.prototype.toString.call(given)))
    return checked(given.valueOf(), at, path);
  // No prototype: a member `__proto__` is a member like any other.
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    const member = (given as Record<string, unknown>)[key];
    // As JSON.stringify has it: a member that is undefined is not there.
    if (member !== undefined) copy[key.toWellFormed()] = checked(member, `${at}.${key}`, path);
  }
  return copy;
}

/** Dates and whatever else says how it is written. */
function toJsonOf(value: unknown): unknown {
  const method = typeof value === "object" && value !== null ? (value as { toJSON?: unknown }).toJSON : undefined;
  return typeof method === "function" ? (method.call(value, "") as unknown) : value;
}

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return `an object of class ${nameOf(value)}`;
  return `a ${typeof value}`;
}

function nameOf(value: object): string {
  const made = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof made === "string" && made !== "" ? made : "Object";
}
