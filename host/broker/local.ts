/**
 * The built-in provider `local`: fills a template, and says so (`local/template`). It is no language model; it is there so that
 * everything else works, offline and the same every time, before a real one is configured.
 */
import type { Json } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";
import { localTokens, type Completion, type CompletionRequest, type Provider } from "./provider.js";

export const LOCAL_MODEL = "local/template";

/** Characters of a filled template. A small one with many slots and one long datum could otherwise ask for gigabytes. */
const FILLED = 512 * 1024;
const SLOT = /\{\{([a-z][a-z0-9_]{0,63})\}\}/g;

/** Replaces each `{{name}}` by the datum of that name. Filled-in text is not looked at again: data cannot carry slots. */
export function fillTemplate(template: string, data: Readonly<Record<string, Json>>): string {
  const texts = new Map<string, string>();
  let length = template.length;
  return template.replace(SLOT, (slot, name: string) => {
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    if (value === undefined) throw new CallFailure("invalid", `the template uses ${slot}, but its data has no \`${name}\``);
    const text = texts.get(name) ?? (typeof value === "string" ? value : JSON.stringify(value));
    texts.set(name, text);
    length += text.length - slot.length;
    if (length > FILLED) throw new CallFailure("invalid", `the filled template would be longer than ${FILLED} characters`);
    return text;
  });
}

export const localProvider: Provider = {
  name: "local",
  worstCase: (request) => ({
    inputTokens: request.local ? promptTokens(request) : 0,
    outputTokens: request.local ? localTokens(fillTemplate(request.local.template, request.local.data)) : 0,
  }),
  price: () => ({ input: 0, output: 0 }),
  async complete(request): Promise<Completion> {
    if (!request.local)
      throw new CallFailure(
        "invalid",
        "no language model is configured, and the built-in `local` provider only fills templates: the request has none. " +
          "Name a provider under `models.broker.providers` in config.yaml",
      );
    const text = fillTemplate(request.local.template, request.local.data);
    return { text, toolCalls: [], model: LOCAL_MODEL, inputTokens: promptTokens(request), outputTokens: localTokens(text) };
  },
  async *stream(request, signal) {
    const { text, inputTokens, outputTokens } = await this.complete(request, signal);
    yield text;
    return { inputTokens, outputTokens };
  },
};

const promptTokens = (request: CompletionRequest): number =>
  request.messages.reduce((sum, message) => sum + localTokens(message.content), 0);
