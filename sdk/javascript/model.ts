/** Language models, through the host's broker. Needs `model`. */
import host from "runloop:agent/model@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

interface Options {
  model?: string;
  maxTokens?: number;
  temperature?: number;
  local?: { template: string; data: object };
}
interface Wire {
  model: string;
  maxTokens: number;
  temperature: number;
  local: string;
}

const wire = ({ model = "", maxTokens = 0, temperature = 0.7, local }: Options): Wire => ({
  model: text(model),
  maxTokens,
  temperature,
  local: local === undefined ? "" : toJson(local, "local"),
});

export const model = {
  async complete(prompt: string, options: Options = {}) {
    const settled = wire(options);
    const answer = hostCall("model.complete", () => host.complete(text(prompt), settled));
    return { ...answer, isLocal: answer.model.startsWith("local/") };
  },
  async chat(messages: readonly object[], { tools, ...options }: Options & { tools?: readonly object[] } = {}) {
    const [said, offered] = [toJson(messages, "messages"), tools === undefined ? "" : toJson(tools, "tools")];
    const settled = wire(options);
    const answer = JSON.parse(hostCall("model.chat", () => host.chat(said, offered, settled))) as {
      text: string;
      tool_calls: unknown[];
      model: string;
      usage: { input_tokens: number; output_tokens: number };
    };
    return {
      text: answer.text,
      toolCalls: answer.tool_calls,
      model: answer.model,
      inputTokens: answer.usage.input_tokens,
      outputTokens: answer.usage.output_tokens,
      isLocal: answer.model.startsWith("local/"),
    };
  },
  async embed(texts: readonly string[], name = ""): Promise<number[][]> {
    return hostCall("model.embed", () => host.embed(texts.map(text), text(name)));
  },
  async *stream(prompt: string, options: Options = {}): AsyncGenerator<string, void> {
    const settled = wire(options);
    const stream = hostCall("model.stream", () => host.stream(text(prompt), settled));
    for (;;) {
      const chunk = hostCall("model.stream", () => stream.next());
      if (chunk === null) return;
      yield chunk;
    }
  },
};
