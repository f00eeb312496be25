/**
 * Every key of the language: what it holds, in JSON Schema, and what it is for. The readers take their keys and ranges from here, the
 * JSON Schema for editors its types and descriptions, and `rlp fmt` the order of keys.
 */
import type { JsonObject } from "#core/json.js";

export interface Key {
  readonly about: string;
  readonly schema: JsonObject;
}
export type Vocabulary = Readonly<Record<string, Key>>;

const key = (schema: JsonObject, about: string): Key => ({ about, schema });

const text: JsonObject = { type: "string" };
const flag: JsonObject = { type: "boolean" };
const map: JsonObject = { type: "object" };
const integer = (minimum: number): JsonObject => ({ type: "integer", minimum, maximum: Number.MAX_SAFE_INTEGER });
const dollars: JsonObject = { type: "number", minimum: 0, maximum: 1e9 };
const list = (items: JsonObject, more: JsonObject = {}): JsonObject => ({ type: "array", items, ...more });
const one = (name: string): JsonObject => ({ $ref: `#/definitions/${name}` });

export const retryKeys = {
  max_attempts: key({ ...integer(1), default: 1 }, "Attempts in all; 1 is no retry."),
  backoff_ms: key({ ...integer(0), default: 100 }, "The pause before the second attempt, in milliseconds."),
  multiplier: key({ type: "number", minimum: 1, default: 2 }, "Each pause is this many times the one before."),
  max_backoff_ms: key({ ...integer(0), default: 30_000 }, "The longest pause, in milliseconds."),
  jitter: key(
    { type: "number", minimum: 0, maximum: 1, default: 0.2 },
    "How much a pause varies: 0.2 is ±20 %. Drawn from the run's seed.",
  ),
} satisfies Vocabulary;

export const nodeKeys = {
  id: key(one("identifier"), "The node's name, once in the file. Edges call its ports `id.port`."),
  use: key(one("use"), "What the node runs: `agent:<name>`, `agent:<name>@<variant>`, or `opening:<name>` for a whole opening."),
  for_each: key(
    one("identifier"),
    "An input: each element of what arrives there gets an invocation of its own. Outputs come in the order of the elements.",
  ),
  max_parallel: key(integer(1), "Invocations of a `for_each` at once."),
  with: key(
    map,
    "Handed to the agent. A key named like an input supplies that input; for an opening the others are its parameters. Text may hold templates: `{{params.name}}`.",
  ),
  retry: key(one("retry"), "How often a failure that may pass is tried again. No block: one attempt."),
  timeout_ms: key(integer(0), "The longest time of one attempt, in milliseconds. The agent's own ceiling holds as well."),
  budget_tokens: key(integer(0), "Model tokens of all attempts together."),
  budget_usd: key(dollars, "Dollars of all attempts together, down to a millionth."),
  budget_fuel: key(integer(0), "Guest instructions of all attempts together."),
  tags: key(list(text), "Words to find the node by."),
  caps: key(one("caps"), "Narrows what the agent may do here, and never widens it. What is not named stays as it is."),
  on_error: key(
    one("identifier"),
    "The node that takes over when this one has failed for good: it gets the failure on its input `error`.",
  ),
} satisfies Vocabulary;

export const edgeKeys = {
  from: key(
    one("source"),
    "`node.port`, or `inputs.name` for an input of the opening. With a comparison behind it (`review.ok==true`) the edge is a guard: it gates and carries nothing.",
  ),
  to: key(one("port"), "`node.port`: an input."),
} satisfies Vocabulary;

export const policyKeys = {
  budget_tokens: key(integer(0), "Model tokens of the whole run."),
  timeout_ms: key(
    integer(0),
    "Active time of the whole run, in milliseconds. Time in which only a person is waited for does not count.",
  ),
  budget_usd: key(dollars, "Dollars of the whole run, down to a millionth."),
  budget_fuel: key(integer(0), "Guest instructions of the whole run."),
  confirm_external: key(
    flag,
    "Whether a person has to approve external actions. Where it is not said the configuration decides.",
  ),
  max_parallel: key(integer(1), "Nodes that may run at once."),
  on_failure: key(
    { enum: ["stop", "continue"] },
    "`continue`: when a node fails only what depends on it is skipped. `stop`: the first failure that nothing recovers from cancels what is left. Default: `continue`.",
  ),
} satisfies Vocabulary;

export const inputKeys = {
  type: key(one("type"), "The type of each message."),
  required: key({ ...flag, default: true }, "Whether whoever uses the opening has to supply it."),
} satisfies Vocabulary;

export const successKeys = {
  any_of: key(list(one("expression"), { minItems: 1 }), "One of these has to hold."),
  all_of: key(list(one("expression"), { minItems: 1 }), "All of these have to hold."),
} satisfies Vocabulary;

export const artifactKeys = {
  save: key(list(one("port")), "Outputs that are kept as artifacts when the run ends."),
} satisfies Vocabulary;

export const openingKeys = {
  version: key({ const: 0 }, "The version of the language: 0."),
  name: key(one("identifier"), "The opening's name. Others use it as `opening:<name>`."),
  goals: key(list(text), "What a person wants of it. Recorded with the run; may hold templates."),
  inputs: key(one("inputs"), "Inputs by name, where another opening uses this one. Edges call them `inputs.<name>`."),
  outputs: key(one("outputs"), "Outputs by name: the `node.port` that each hands on."),
  params: key(
    map,
    "Parameters with their defaults. `--param` and `--params` are laid over them; `{{params.name}}` stands for one.",
  ),
  params_schema: key(map, "A JSON Schema that the parameters have to fit."),
  policy: key(one("policy"), "Limits of the whole run, and what happens at a failure."),
  nodes: key(list(one("node"), { minItems: 1 }), "The agents and openings that run."),
  edges: key(
    list(one("edge")),
    "What goes from which output to which input. The order of the file is the order in which several meet.",
  ),
  success: key(one("success"), "When the run counts as a success. Left out: when no node failed."),
  artifacts: key(one("artifacts"), "What is kept of the run."),
} satisfies Vocabulary;

export const keysOf = (words: Vocabulary): readonly string[] => Object.keys(words);

export interface NumberRange {
  readonly min: number;
  readonly max?: number;
}

/** What a number may be. */
export function rangeOf({ schema }: Key): NumberRange {
  const { minimum, maximum } = schema as { readonly minimum?: number; readonly maximum?: number };
  // A whole number beyond the safe ones is refused before its range is looked at.
  const most = schema["type"] === "integer" ? undefined : maximum;
  return { min: minimum ?? -Infinity, ...(most !== undefined && { max: most }) };
}
