/**
 * The JSON Schema of an opening's YAML form, for editors: made from the vocabulary that the readers use, so the two cannot part. It
 * says what a file looks like; what needs agents, types or the whole graph is for `rlp check`.
 */
import * as z from "zod";
import type { Json, JsonObject } from "#core/json.js";
import { capsSchema } from "../grant/language.js";
import {
  artifactKeys,
  edgeKeys,
  inputKeys,
  nodeKeys,
  openingKeys,
  policyKeys,
  retryKeys,
  successKeys,
  type Vocabulary,
} from "../language/vocabulary.js";
import { capabilityKeys } from "./capabilities.js";
import { ID, PORT, SOURCE, EXPRESSION, TYPE, USE } from "./patterns.js";

export interface OpeningSchema {
  readonly definitions: Readonly<Record<string, JsonObject>>;
  readonly root: JsonObject;
}

/** The parts, for those who narrow some of them before {@link schemaDocument}. */
export function openingSchema(): OpeningSchema {
  return {
    root: closed(openingKeys, ["version", "name", "nodes"]),
    definitions: {
      identifier: { type: "string", pattern: `^${ID}$` },
      use: { type: "string", pattern: `^(?:${USE})$` },
      type: { type: "string", pattern: `^(?:${TYPE})$` },
      port: written(PORT, ["draft.out"]),
      source: written(SOURCE, ["draft.out", "review.ok==true"]),
      expression: written(EXPRESSION, ["exists(draft.out)", "review.ok==true"]),
      node: { ...closed(nodeKeys, ["id", "use"]), dependencies: { max_parallel: ["for_each"] } },
      edge: closed(edgeKeys, ["from", "to"]),
      retry: closed(retryKeys),
      policy: closed(policyKeys),
      inputs: named({ anyOf: [ref("type"), ref("input")] }),
      input: closed(inputKeys, ["type"]),
      outputs: named(ref("port")),
      success: { ...closed(successKeys), oneOf: Object.keys(successKeys).map(holds) },
      artifacts: closed(artifactKeys),
      caps: capsDefinition(),
    },
  };
}

/** A whole schema document. `about` says whose it is. */
export function schemaDocument({ definitions, root }: OpeningSchema, about: string): JsonObject {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "An opening of rlp",
    description: about,
    ...root,
    definitions,
  };
}

export const ref = (name: string): JsonObject => ({ $ref: `#/definitions/${name}` });

/** A map with these keys and no others. A key that may be missing may also have no value. */
export function closed(words: Vocabulary, required: readonly string[] = []): JsonObject {
  const properties = Object.entries(words).map(([name, { about, schema }]): [string, JsonObject] => [
    name,
    { ...(required.includes(name) ? alone(schema) : orNothing(schema)), description: about },
  ]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required: [...required] }),
    additionalProperties: false,
  };
}

/** A list stands at this key. */
const holds = (key: string): JsonObject => ({ required: [key], properties: { [key]: { type: "array" } } });

/** Beside a `$ref` a description would be ignored (draft 7, section 8.3). */
function alone(schema: JsonObject): JsonObject {
  return "$ref" in schema ? { allOf: [schema] } : schema;
}

function orNothing(schema: JsonObject): JsonObject {
  if (typeof schema["type"] === "string") return { ...schema, type: [schema["type"], "null"] };
  if (Array.isArray(schema["enum"])) return { enum: [...schema["enum"], null] };
  return { anyOf: [schema, { type: "null" }] };
}

function named(value: JsonObject): JsonObject {
  return { type: "object", propertyNames: { pattern: `^${ID}$` }, additionalProperties: value };
}

function written(pattern: string, examples: readonly string[]): JsonObject {
  return { type: "string", maxLength: 1024, pattern: `^(?:${pattern})$`, examples: [...examples] };
}

/** The language of capabilities as its own schema has it; what that works out by code is described in words only. */
function capsDefinition(): JsonObject {
  const made = z.toJSONSchema(capsSchema, { io: "input", target: "draft-7", unrepresentable: "any" }) as JsonObject;
  const properties = Object.entries(made["properties"] as Readonly<Record<string, JsonObject>>).map(
    ([name, schema]): [string, Json] => [name, { ...schema, description: capabilityKeys[name as keyof typeof capabilityKeys] }],
  );
  return { type: "object", properties: Object.fromEntries(properties), additionalProperties: false };
}
