/** What an agent gives: a value for each port, and where it wants to say more, a type or several messages. */
import { AgentFailure } from "./errors.js";
import { kindOf, toJson } from "./json.js";

class Message {
  constructor(
    readonly value: unknown,
    readonly type: string | undefined,
  ) {}
}
class Several {
  constructor(readonly items: readonly unknown[]) {}
}

/** A value of another type than the first that the manifest names for the port. */
export const message = (value: unknown, type: string): object => new Message(value, type);
/** Several messages for one port; an array alone is one message. */
export const several = (...items: readonly unknown[]): object => new Several(items);

export interface OutputMessage {
  port: string;
  type: string;
  body: string;
}

/** `types`: of each port of the manifest. Throws an {@link AgentFailure} that says which port, and what is wrong. */
export function outputsOf(given: unknown, types: Readonly<Record<string, string>>): OutputMessage[] {
  if (given === undefined || given === null) return [];
  const prototype: unknown = typeof given === "object" ? Object.getPrototypeOf(given) : undefined;
  if (prototype !== Object.prototype && prototype !== null)
    throw wrong(`the agent gave ${kindOf(given)}, where an object with a value for each port is meant: { port: value }`);
  return Object.keys(given as object).flatMap((port) => {
    const value = (given as Record<string, unknown>)[port];
    if (value === undefined) return [];
    return (value instanceof Several ? value.items : [value]).map((item) => outputOf(port, item, types));
  });
}

function outputOf(port: string, item: unknown, types: Readonly<Record<string, string>>): OutputMessage {
  const { value, type } = item instanceof Message ? item : { value: item, type: undefined };
  const known = Object.hasOwn(types, port) ? types[port] : undefined;
  const settled = type ?? known;
  if (settled === undefined)
    throw wrong(
      `the agent gave a value for \`${port}\`, and the manifest has no such port; it has: ${Object.keys(types).join(", ") || "none"}`,
    );
  try {
    return { port, type: settled, body: toJson(value, port) };
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

const wrong = (text: string): AgentFailure => new AgentFailure("agent.output", text, false);
