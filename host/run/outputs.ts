/** Values on their way out of and into ports: declared, typed, labelled. */
import { DataError } from "#core/errors.js";
import { parseJson } from "#core/json.js";
import { hostFailure, type Failure, type Labels, type Message } from "#core/values.js";
import type { AgentInterface, TypeRegistry } from "#openings/agent.js";
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
  for (const output of raw) {
    const port = Object.hasOwn(agent.outputs, output.port) ? agent.outputs[output.port] : undefined;
    if (!port) return wrong(`\`${agent.name}\` has no output port \`${output.port}\``);
    if (!port.types.includes("any") && !port.types.includes(output.type))
      return wrong(`port \`${output.port}\` carries ${port.types.join(" or ")}, not \`${output.type}\``);
    let body;
    try {
      body = parseJson(output.body);
    } catch (error) {
      return wrong(`port \`${output.port}\`: ${error instanceof DataError ? error.message : String(error)}`);
    }
    const fault = checkValue(output.type, body, known);
    if (fault) return wrong(`port \`${output.port}\` (${output.type}): ${fault.message} at ${fault.pointer || "/"}`);
    messages.push({ port: output.port, type: output.type, body, labels });
  }
  return messages;
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
