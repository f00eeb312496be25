/** `params:` and `params_schema:`: what the caller may choose, and what the choice must be like. */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { misfits, schemaFault } from "../types/schema.js";
import { quoted } from "./diagnostic.js";
import type { Draft } from "./draft.js";
import type { Fields } from "./fields.js";
import { mergeParams } from "./params.js";
import type { Reporter } from "./reporter.js";
import { plainValue, treeAt } from "./value.js";

export interface ReadParams {
  /** The file's defaults; undefined where they cannot be read. */
  readonly defaults: JsonObject | undefined;
  /** What the caller gave that is no input's value. */
  readonly given: JsonObject;
  /** The defaults with the caller's laid over them. */
  readonly merged: JsonObject;
}

export function readParams(report: Reporter, fields: Fields, caller: JsonObject, inputs: Draft["inputs"]): ReadParams {
  const tree = fields.map("params");
  const defaults = tree ? (plainValue(tree) as JsonObject | undefined) : fields.entry("params") ? undefined : {};
  for (const entry of tree?.entries ?? [])
    if (inputs && Object.hasOwn(inputs, entry.key))
      report.error(
        "OPENING_DUPLICATE_KEY",
        entry.keySpan,
        `${quoted(entry.key)} is an input of this opening, and a parameter too`,
        "give one of them another name",
      );
  const given = Object.fromEntries(Object.entries(caller).filter(([key]) => !inputs || !Object.hasOwn(inputs, key)));
  return { defaults, given, merged: mergeParams(defaults ?? {}, given) };
}

/** Reports a schema that cannot be used, and parameters that do not fit it. Returns it where it can be used. */
export function checkParamsSchema(report: Reporter, fields: Fields, { defaults, merged }: ReadParams): JsonObject | null {
  const tree = fields.map("params_schema");
  const schema = tree && (plainValue(tree) as JsonObject | undefined);
  if (!tree || !schema) return null;
  const fault = schemaFault(schema);
  if (fault) {
    const { span } = treeAt(tree, fault.pointer);
    report.error("OPENING_SCHEMA", span, `\`params_schema\` cannot be used: ${fault.message}`);
    return null;
  }
  if (!defaults) return null;
  const params = fields.map("params");
  for (const { pointer, message } of misfits(schema, merged, true)) {
    // A value of the caller's has no place in the file; its default, or the schema, is the next best.
    const span = params && reaches(defaults, pointer) ? treeAt(params, pointer).span : keySpan(fields);
    report.error("OPENING_PARAM", span, `${quoted(`params${pointer.replaceAll("/", ".")}`)}: ${message}`);
  }
  return schema;
}

function keySpan(fields: Fields) {
  return fields.entry("params_schema")?.keySpan ?? fields.span;
}

function reaches(defaults: JsonObject, pointer: string): boolean {
  let value: Json = defaults;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return false;
    value = value[name] ?? null;
  }
  return true;
}
