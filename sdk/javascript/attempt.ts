/** The four functions that the component's driver calls, around the author's one. */
import { AgentFailure, begin, HostError } from "./errors.js";
import { kindOf, text } from "./json.js";
import { write } from "./log.js";
import { outputsOf, type OutputMessage } from "./outputs.js";
import { nextTimer } from "./timers.js";

interface HostInvocation {
  node: string;
  attempt: number;
  with: string;
  inputs: { port: string; type: string; body: string; labels: string[] }[];
}
type Failure = { code: string; message: string; retryable: boolean };
type Agent = (call: object) => unknown;

const UNSETTLED: Failure = {
  code: "agent.unsettled",
  message: "the agent waits for a promise that nothing will ever settle",
  retryable: false,
};

/** `module`: the author's; `types`: of each output port. */
export function attemptOf(module: Readonly<Record<string, unknown>>, types: Readonly<Record<string, string>>) {
  const agent = module["default"];
  if (typeof agent !== "function")
    throw new TypeError(
      "the agent's file has no default export that is a function: export default async function agent(call) { … }",
    );
  let ended: { readonly outputs: OutputMessage[] } | { readonly failure: Failure } | null = null;

  const settle = async (invocation: HostInvocation): Promise<void> => {
    try {
      const given = await (agent as Agent)(callOf(invocation));
      if (given instanceof AgentFailure) throw given;
      ended = { outputs: outputsOf(given, types) };
    } catch (thrown) {
      ended = { failure: failureOf(thrown) };
    }
  };
  return {
    start(invocation: HostInvocation): void {
      begin();
      void settle(invocation);
    },
    // QuickJS runs what is ready while this is called.
    async pump(): Promise<void> {},
    /** Whether there is more to run: a timer, as long as the agent has not ended. */
    turn(): boolean {
      try {
        return ended === null && nextTimer();
      } catch (thrown) {
        // Nobody called the timer's function, so nobody could catch what it throws: it ends the attempt.
        ended = { failure: failureOf(thrown) };
        return false;
      }
    },
    finish(): OutputMessage[] {
      const end = ended ?? { failure: UNSETTLED };
      if ("outputs" in end) return end.outputs;
      // eslint-disable-next-line no-throw-literal -- the WIT's error is thrown as the record that it is.
      throw end.failure;
    },
  };
}

function callOf({ node, attempt, with: options, inputs }: HostInvocation): object {
  const messages = inputs.map(({ port, type, body, labels }) => ({ port, type, value: JSON.parse(body) as unknown, labels }));
  const first: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const { port, value } of messages) if (!(port in first)) first[port] = value;
  return {
    node,
    attempt,
    with: JSON.parse(options) as unknown,
    inputs: first,
    messages,
    all: (port: string): unknown[] => messages.filter((each) => each.port === port).map(({ value }) => value),
  };
}

function failureOf(thrown: unknown): Failure {
  try {
    if (thrown instanceof AgentFailure)
      return { code: text(thrown.code), message: text(thrown.message), retryable: thrown.retryable };
    if (thrown instanceof HostError)
      return { code: `call.${thrown.code}`, message: text(thrown.message), retryable: thrown.retryable };
    if (thrown instanceof Error) {
      write("error", `${thrown.name}: ${thrown.message}`, { stack: text(thrown.stack ?? "") });
      return { code: "agent.error", message: text(`${thrown.name}: ${thrown.message}`), retryable: false };
    }
    const shown = typeof thrown === "string" ? `: ${thrown}` : typeof thrown === "number" ? ` ${thrown}` : "";
    return { code: "agent.error", message: text(`the agent threw ${kindOf(thrown)}${shown}`), retryable: false };
  } catch {
    // An error whose own properties throw.
    return { code: "agent.error", message: "the agent threw something that cannot be told", retryable: false };
  }
}
