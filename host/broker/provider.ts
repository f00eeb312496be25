/** What the broker knows of a provider of language models. */
import type { Json, JsonObject } from "#core/json.js";

export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly input_schema: JsonObject;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Json;
}

export interface CompletionRequest {
  /** The provider's own name of the model. */
  readonly model: string;
  readonly messages: readonly { readonly role: "system" | "user" | "assistant"; readonly content: string }[];
  /** Tools that the model may ask for; the agent calls them itself. */
  readonly tools: readonly ToolDescription[];
  readonly maxTokens: number;
  readonly temperature: number;
  /** Template and data for the built-in `local` provider, or null. */
  readonly local: { readonly template: string; readonly data: Readonly<Record<string, Json>> } | null;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Dollars for a million tokens; which is, at the same time, millionths of a dollar for one. */
export interface Price {
  readonly input: number;
  readonly output: number;
}

/** In whole millionths of a dollar, rounded up: a budget is never overspent by a fraction. */
export function costOf({ inputTokens, outputTokens }: Usage, { input, output }: Price): number {
  return Math.ceil(inputTokens * input + outputTokens * output);
}

export interface Completion extends Usage {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** `provider/model` that answered. */
  readonly model: string;
}

export interface Provider {
  readonly name: string;
  /** What the request can use at most: what a budget reserves before the call. */
  worstCase(request: CompletionRequest): Usage;
  /** What a model costs, as the operator says; null: nobody has said. */
  price(model: string): Price | null;
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  /** As `complete`, in chunks as they come. Whoever returns early ends the request. Absent where the provider has none. */
  stream?(request: CompletionRequest, signal: AbortSignal): AsyncGenerator<string, Usage>;
  /** Vectors of texts; absent where the provider has none. */
  embed?(texts: readonly string[], model: string, signal: AbortSignal): Promise<readonly (readonly number[])[]>;
}

/**
 * An upper bound of a text's tokens where the tokenizer is not known: a byte-level tokenizer needs at most one token for a byte
 * (real text takes about a quarter of that), and a chat template frames each message with a few more.
 */
export function tokensAtMost(text: string): number {
  return Buffer.byteLength(text) + 16;
}

/** What a text costs at the built-in provider: a quarter of its bytes, rounded up. */
export function localTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
