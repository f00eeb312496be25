/** The schema as a map of dotted keys: what exists, what each key takes, what a misspelt one may have meant. */
import * as z from "zod";
import { nearest } from "#core/nearest.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { aliases, layerSchema } from "./schema.js";

/** Dotted key → the schema of its value, for every key that is not a section. */
export const leaves: ReadonlyMap<string, z.ZodType> = collect(layerSchema, "");

function collect(schema: z.ZodType, prefix: string): Map<string, z.ZodType> {
  const found = new Map<string, z.ZodType>();
  for (const [key, inner] of Object.entries(shapeOf(schema) ?? {})) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (shapeOf(inner)) for (const [leaf, value] of collect(inner, path)) found.set(leaf, value);
    else found.set(path, inner);
  }
  return found;
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const inner = bare(schema);
  return inner instanceof z.ZodObject ? inner.shape : undefined;
}

/** Without `optional` and `nullable`. */
function bare(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? bare(schema.unwrap() as z.ZodType) : schema;
}

/** Whether a value for this key is text as it stands, rather than JSON. */
export function takesText(leaf: z.ZodType): boolean {
  const { type } = bare(leaf).def;
  return type === "string" || type === "enum";
}

/** A section's own keys, `undefined` where the path is no section. The empty path is the whole file. */
export function keysOf(path: string): readonly string[] | undefined {
  const prefix = path === "" ? "" : `${path}.`;
  const names = new Set<string>();
  for (const leaf of leaves.keys()) if (leaf.startsWith(prefix)) names.add(leaf.slice(prefix.length).split(".")[0] ?? "");
  return names.size > 0 ? [...names] : undefined;
}

/** What somebody may have meant by a key that does not exist. */
export function suggestKey(path: string): string | undefined {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  const sibling = nearest(last, keysOf(parts.join(".")) ?? []);
  if (sibling !== undefined) return [...parts, sibling].join(".");
  const elsewhere = [...leaves.keys()].find((leaf) => leaf.endsWith(`.${last}`));
  return elsewhere ?? nearest(path, leaves.keys());
}

export function unknownKey(path: string): { message: string; hint: string } {
  const known = suggestKey(path);
  return {
    message: `unknown key \`${path}\``,
    hint: known === undefined ? "`rlp config path --all` lists the keys there are" : `did you mean \`${known}\`?`,
  };
}

/** Leaves of a nested object; arrays are leaves. Unknown keys come along, so that they can be named. */
export function* flatten(values: JsonObject, prefix = ""): Generator<[path: string, value: Json]> {
  for (const [key, value] of Object.entries(values)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (isJsonObject(value) && !leaves.has(path) && keysOf(path)) yield* flatten(value, path);
    else yield [path, value];
  }
}

/** The name that a key has now, where it is one of Runloop's older names. */
export function aliasOf(path: string): string | undefined {
  return Object.hasOwn(aliases, path) ? aliases[path] : undefined;
}
