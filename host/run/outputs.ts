/** Values on their way out of and into ports: declared, typed, labelled. */
import { DataError } from "#core/errors.js";
import { isJsonObject, parseJson, type Json } from "#core/json.js";
import { hostFailure, type Failure, type Labels, type Message } from "#core/values.js";
import { visibleLine } from "#core/visible.js";
import type { AgentInterface, Port, TypeRegistry } from "#openings/agent.js";
import { checkValue, withAgentTypes } from "#openings/types/registry.js";

export interface RawOutput {
  readonly port: string;
  readonly type: string;
  /** JSON text. */
  readonly body: string;
}

/** Messages that one attempt may send. They stand, by digest at least, in one event. */
const MAX_OUTPUTS = 1024;

/** What a guest returned, as messages, or why it is not what its manifest promises. */
export function acceptOutputs(
  raw: readonly RawOutput[],
  agent: AgentInterface,
  types: TypeRegistry,
  labels: Labels,
): readonly Message[] | Failure {
  const known = withAgentTypes(types, agent.schemas);
  const messages: Message[] = [];
  if (raw.length > MAX_OUTPUTS) return wrong(`an attempt may send ${MAX_OUTPUTS} messages, not ${raw.length}`);
  for (const { port, type, body: text } of raw) {
    const declared = declaredPort(agent, port);
    if (!declared) return wrong(noPort(agent, port));
    if (!declared.types.includes("any") && !declared.types.includes(type))
      return wrong(`port \`${port}\` carries ${declared.types.join(" or ")}, not \`${type}\``);
    let body;
    try {
      body = parseJson(text);
    } catch (error) {
      return wrong(`port \`${port}\`: ${error instanceof DataError ? error.message : String(error)}`);
    }
    const fault = misfit(port, type, body, known);
    if (fault) return fault;
    messages.push({ port, type, body, labels });
  }
  return messages;
}

/** What a command wrote: one JSON object, a value for each port, of the type that the port declares. */
export function acceptStandardOutput(
  text: string,
  agent: AgentInterface,
  types: TypeRegistry,
  labels: Labels,
): readonly Message[] | Failure {
  const ports = Object.keys(agent.outputs);
  const unfit = (what: string): Failure =>
    hostFailure(
      "host.component",
      `standard output is not one JSON object of outputs (${ports.join(", ") || "it has none"}): ${what}; ${came(text)}`,
    );
  if (text.trim() === "") return ports.length === 0 ? [] : unfit("it is empty");
  let value: Json;
  try {
    value = parseJson(text);
  } catch (error) {
    return unfit(error instanceof DataError ? visibleLine(error.message).slice(0, 300) : String(error));
  }
  if (!isJsonObject(value))
    return unfit(Array.isArray(value) ? "it is an array" : `it is ${value === null ? "null" : `a ${typeof value}`}`);
  const known = withAgentTypes(types, agent.schemas);
  const messages: Message[] = [];
  for (const [port, body] of Object.entries(value)) {
    const declared = declaredPort(agent, port);
    if (!declared) return wrong(`${noPort(agent, port)}; standard output: ${came(text)}`);
    const [first = "any"] = declared.types;
    const type = first === "any" ? "json.v1" : first;
    const fault = misfit(port, type, body, known);
    if (fault) return fault;
    messages.push({ port, type, body, labels });
  }
  return messages;
}

/** What a person needs to see of a text to know what it is. */
const SHOWN = 200;
function came(text: string): string {
  if (text === "") return "nothing came";
  const shown = visibleLine(text.slice(0, SHOWN).toWellFormed());
  return text.length > SHOWN ? `it begins with \`${shown}\` (${Buffer.byteLength(text)} bytes)` : `it is \`${shown}\``;
}

const declaredPort = (agent: AgentInterface, port: string): Port | undefined =>
  Object.hasOwn(agent.outputs, port) ? agent.outputs[port] : undefined;

const noPort = (agent: AgentInterface, port: string): string =>
  `\`${agent.name}\` has no output port \`${visibleLine(port.slice(0, SHOWN))}\``;

function misfit(port: string, type: string, body: Json, known: TypeRegistry): Failure | null {
  const fault = checkValue(type, body, known);
  return fault ? wrong(`port \`${port}\` (${type}): ${fault.message} at ${fault.pointer || "/"}`) : null;
}

/** Whether what arrives fits the ports that it arrives on; a source of type `any` is checked here, when its value is known. */
export function checkInputs(inputs: readonly Message[], agent: AgentInterface, types: TypeRegistry): Failure | null {
  const known = withAgentTypes(types, agent.schemas);
  for (const input of inputs) {
    const port = Object.hasOwn(agent.inputs, input.port) ? agent.inputs[input.port] : undefined;
    if (!port || port.types.includes("any") || port.types.includes(input.type)) {
      const fault = port ? checkValue(input.type, input.body, known) : null;
      if (fault) return wrong(`input \`${input.port}\` (${input.type}): ${fault.message} at ${fault.pointer || "/"}`);
      continue;
    }
    const faults = port.types.map((type) => checkValue(type, input.body, known));
    const first = faults[0];
    if (first && faults.every((fault) => fault !== null))
      return wrong(`input \`${input.port}\` takes ${port.types.join(" or ")}: ${first.message} at ${first.pointer || "/"}`);
  }
  return null;
}

const wrong = (message: string): Failure => hostFailure("host.type", message);
