/** JSON Schema 2020-12, as far as ports use it (https://json-schema.org/draft/2020-12). */

/** How a keyword's value is read. "in-place" schemas see the same value as the schema that holds them. */
export type KeywordKind =
  | "child"
  | "children"
  | "child-map"
  | "pattern-map"
  | "in-place"
  | "in-place-list"
  | "in-place-map"
  | "ref"
  | "pattern"
  | "types"
  | "format"
  | "value"
  | "values"
  | "names"
  | "names-map"
  | "count"
  | "number"
  | "flag";

export const keywords: ReadonlyMap<string, KeywordKind> = new Map<string, KeywordKind>([
  ["$ref", "ref"],
  ["$defs", "child-map"],
  ["definitions", "child-map"],
  ["type", "types"],
  ["enum", "values"],
  ["const", "value"],
  ["allOf", "in-place-list"],
  ["anyOf", "in-place-list"],
  ["oneOf", "in-place-list"],
  ["not", "in-place"],
  ["if", "in-place"],
  ["then", "in-place"],
  ["else", "in-place"],
  ["dependentSchemas", "in-place-map"],
  ["properties", "child-map"],
  ["patternProperties", "pattern-map"],
  ["additionalProperties", "child"],
  ["unevaluatedProperties", "child"],
  ["propertyNames", "child"],
  ["required", "names"],
  ["dependentRequired", "names-map"],
  ["minProperties", "count"],
  ["maxProperties", "count"],
  ["prefixItems", "children"],
  ["items", "child"],
  ["unevaluatedItems", "child"],
  ["contains", "child"],
  ["minContains", "count"],
  ["maxContains", "count"],
  ["minItems", "count"],
  ["maxItems", "count"],
  ["uniqueItems", "flag"],
  ["minLength", "count"],
  ["maxLength", "count"],
  ["pattern", "pattern"],
  ["format", "format"],
  ["minimum", "number"],
  ["maximum", "number"],
  ["exclusiveMinimum", "number"],
  ["exclusiveMaximum", "number"],
  ["multipleOf", "number"],
]);

/** Said to a person, not to the validator. `$id` too: references stay within one schema, so its name decides nothing. */
export const annotations: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
]);

/** Formats that are tested, all in linear time. Any other is an annotation, as the specification has it. */
export const formats: ReadonlySet<string> = new Set([
  "date",
  "time",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uuid",
  "json-pointer",
]);

export const jsonTypes: ReadonlySet<unknown> = new Set(["null", "boolean", "integer", "number", "string", "array", "object"]);
