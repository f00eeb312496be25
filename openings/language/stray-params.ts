/** Parameters that were given and that nothing asks for: a slip in a name would otherwise run with the file's own value, silently. */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { nearest } from "#core/nearest.js";
import { quoted } from "./diagnostic.js";
import type { Span } from "./diagnostic.js";
import type { Reporter } from "./reporter.js";

/** Each takes a line; who has this many has given the parameters of something else. */
const TOLD = 10;

/**
 * A parameter is known if the file gives it a value, if a template names it, or if one names something above or below it. `used` are
 * the paths that templates name, without `params.`.
 */
export function checkStrayParams(
  report: Reporter,
  span: Span,
  given: JsonObject,
  defaults: JsonObject,
  used: ReadonlySet<string>,
): void {
  const above = new Set<string>();
  for (const path of used)
    for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) above.add(path.slice(0, dot));
  let told = 0;
  const walk = (values: JsonObject, known: Json | undefined, prefix: string): void => {
    for (const [key, value] of Object.entries(values)) {
      if (told >= TOLD) return;
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (used.has(path)) continue; // as a whole, with whatever is in it
      const own = isJsonObject(known ?? null) && Object.hasOwn(known as JsonObject, key) ? (known as JsonObject)[key] : undefined;
      if (own === undefined && !above.has(path)) {
        told++;
        report.error("OPENING_PARAM", span, `nothing in this opening asks for the parameter ${quoted(path)}`, () =>
          near(key, prefix, known, used),
        );
      } else if (isJsonObject(value) && (isJsonObject(own ?? null) || above.has(path))) walk(value, own, path);
    }
  };
  walk(given, defaults, "");
}

function near(key: string, prefix: string, known: Json | undefined, used: ReadonlySet<string>): string | undefined {
  const start = prefix === "" ? "" : `${prefix}.`;
  const named = [...used].filter((path) => path.startsWith(start)).map((path) => path.slice(start.length).split(".")[0] ?? "");
  const names = [...new Set([...(isJsonObject(known ?? null) ? Object.keys(known as JsonObject) : []), ...named])];
  const found = nearest(key, names);
  if (found !== undefined) return `did you mean ${quoted(`${start}${found}`)}?`;
  return names.length === 0 ? "it has none" : `there are: ${names.slice(0, 20).map(quoted).join(", ")}`;
}
