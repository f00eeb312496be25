/** One layer of the configuration: values by dotted key, each with the place it was written at. */
import { resolve } from "node:path";
import * as z from "zod";
import type { Place } from "#core/errors.js";
import { INTERPRETED } from "#core/schema.js";
import { isJsonObject, type Json } from "#core/json.js";
import { expandTilde } from "./home.js";
import type { ConfigIssue } from "./issue.js";
import { aliasOf, keysOf, leaves, takesText, unknownKey } from "./keys.js";
import { ENVIRONMENT_PREFIX } from "./places.js";
import { pathKeys } from "./schema.js";

export type LayerKind = "flag" | "env" | "user" | "system";

export interface Setting {
  readonly value: Json;
  readonly place: Place;
}
export interface Layer {
  readonly kind: LayerKind;
  readonly settings: ReadonlyMap<string, Setting>;
}
export type Environment = Readonly<Record<string, string | undefined>>;

/** What reading a layer found besides its values. */
export interface Findings {
  readonly issues: ConfigIssue[];
  readonly warnings: ConfigIssue[];
}

interface Raw extends Setting {
  readonly path: string;
}

/**
 * Checks raw settings against the schema: older names are mapped with a warning, unknown keys and values that do not fit become
 * issues, relative paths are resolved against `base`.
 */
export function layerOf(kind: LayerKind, raw: Iterable<Raw>, base: string, env: Environment, found: Findings): Layer {
  const settings = new Map<string, Setting>();
  for (const { path: written, value, place } of raw) {
    const path = aliasOf(written) ?? written;
    if (path !== written)
      found.warnings.push({ message: `\`${written}\` is now called \`${path}\``, place, hint: `write \`${path}\`` });
    const leaf = leaves.get(path);
    if (leaf === undefined) {
      found.issues.push(
        keysOf(path) === undefined
          ? { ...unknownKey(path), place }
          : {
              message: `\`${path}\` must be a section with keys, not ${kindOf(value)}`,
              place,
              hint: `it holds ${keysOf(path)?.join(", ")}`,
            },
      );
      continue;
    }
    if (value === null && kind !== "env" && !z.safeParse(leaf, null, INTERPRETED).success) continue; // `kb:` followed by nothing: not set
    const parsed = z.safeParse(leaf, value, INTERPRETED);
    if (parsed.success) settings.set(path, { value: absolute(path, parsed.data as Json, base, env), place });
    else for (const issue of parsed.error.issues) found.issues.push(misfit(path, issue, place));
  }
  return { kind, settings };
}

function kindOf(value: Json): string {
  if (value === null) return "nothing";
  return Array.isArray(value) ? "a list" : isJsonObject(value) ? "a map" : `a ${typeof value}`;
}

/** The value itself is never shown: it may be a key that landed in the wrong place. */
function misfit(path: string, issue: z.core.$ZodIssue, place: Place): ConfigIssue {
  const where = [path, ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return /key|token|secret|password/i.test(key)
      ? {
          message: `unknown key \`${where}.${key}\`: keys are not kept in this file`,
          place,
          hint: "put the key into an environment variable and name that variable: `key_env: NAME`",
        }
      : { message: `unknown key \`${where}.${key}\``, place };
  }
  return { message: `\`${where}\`: ${issue.message}`, place };
}

function absolute(path: string, value: Json, base: string, env: Environment): Json {
  if (!pathKeys.includes(path)) return value;
  if (typeof value === "string") return resolve(base, expandTilde(value, env));
  return Array.isArray(value)
    ? value.map((item) => (typeof item === "string" ? resolve(base, expandTilde(item, env)) : item))
    : value;
}

/** `RUNLOOP__SECTION__KEY=value`: text where the schema wants text, else JSON. */
export function environmentLayer(env: Environment, cwd: string, found: Findings): Layer {
  const raw: Raw[] = [];
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined) continue;
    const place: Place = { at: `environment variable ${name}` };
    const written = name.slice(ENVIRONMENT_PREFIX.length).toLowerCase().split("__").join(".");
    const leaf = leaves.get(aliasOf(written) ?? written);
    let value: Json = text;
    if (leaf && !takesText(leaf)) {
      try {
        value = JSON.parse(text) as Json;
      } catch {
        found.issues.push({
          message: `\`${written}\`: is not JSON`,
          place,
          hint: `numbers, true, false and null stand bare; lists as ["…"]`,
        });
        continue;
      }
    }
    raw.push({ path: written, value, place });
  }
  return layerOf("env", raw, cwd, env, found);
}

/** Settings given on the command line: dotted key, value, and the flag to name where it does not fit. */
export interface FlagSetting {
  readonly key: string;
  readonly value: Json;
  readonly flag: string;
}

export function flagLayer(flags: readonly FlagSetting[], cwd: string, env: Environment, found: Findings): Layer {
  const raw = flags.map(({ key, value, flag }) => ({ path: key, value, place: { at: flag } }));
  return layerOf("flag", raw, cwd, env, found);
}
