/** An opening of one node around an agent: how an agent runs by itself, with everything that a run has. */
import { stringify } from "yaml";
import { isJsonObject, parseJson, type Json, type JsonObject } from "#core/json.js";
import type { AgentInterface } from "#openings/agent.js";
import { usage } from "../failure.js";

/** `port=JSON`; text that is no JSON is text. */
export function readInputs(words: readonly string[], face: Pick<AgentInterface, "name" | "inputs">): JsonObject {
  const inputs: Record<string, Json> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    const port = word.slice(0, Math.max(0, equals));
    if (equals < 1) throw usage(`\`--input ${word.slice(0, 80)}\` has no \`port=value\``, '--input text="hello"');
    const ports = Object.keys(face.inputs);
    if (!ports.includes(port))
      throw usage(
        `\`${face.name}\` has no input \`${port.slice(0, 80)}\``,
        ports.length > 0 ? `there are: ${ports.join(", ")}` : "it takes nothing but `with`",
      );
    if (Object.hasOwn(inputs, port))
      throw usage(`the input \`${port}\` is given twice`, "one value a port; an opening can send more");
    inputs[port] = readValue(port, word.slice(equals + 1), face);
  }
  return inputs;
}

/** For a port of text the word itself, unless it is a JSON string; for all others JSON. */
function readValue(port: string, word: string, face: Pick<AgentInterface, "inputs">): Json {
  const isText = face.inputs[port]?.types.includes("text.v1") === true;
  if (isText && !word.startsWith('"')) return word;
  try {
    return parseJson(word);
  } catch (cause) {
    throw usage(
      `the input \`${port}\` is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      `--input '${port}={"name": "ada"}'`,
    );
  }
}

export function readWith(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  let value: Json;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw usage(`--with is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, `--with '{"tone": "formal"}'`);
  }
  if (!isJsonObject(value)) throw usage("--with is not a JSON object", `--with '{"tone": "formal"}'`);
  return value;
}

/** The opening's text and the parameters that go with it: values travel as parameters, so nothing in them is taken for a template. */
export function oneNode(agent: string, values: JsonObject): { readonly text: string; readonly params: JsonObject } {
  const keys = Object.keys(values);
  return {
    text: stringify({
      version: 0,
      name: agent,
      goals: [`one attempt of ${agent}`],
      params: { values: {} },
      nodes: [
        {
          id: agent,
          use: `agent:${agent}`,
          with: Object.fromEntries(keys.map((key, index) => [key, `{{params.values.v${index}}}`])),
        },
      ],
    }),
    params: { values: Object.fromEntries(keys.map((key, index) => [`v${index}`, values[key] as Json])) },
  };
}
