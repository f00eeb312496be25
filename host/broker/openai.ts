/**
 * Providers of the kind `openai-compatible`: hosted services, Ollama, llama.cpp, vLLM, … through the `ai` SDK. The SDK repeats what
 * it deems worth repeating (429, 5xx, connection errors; with back-off, minding `retry-after`); what is left becomes a typed failure.
 */
import type { Json } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";
import { Outgoing } from "./openai-stream.js";
import { tokensAtMost, type Completion, type CompletionRequest, type Provider } from "./provider.js";

export interface OpenAiOptions {
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string | null;
  /** The environment variable that should hold the key; null where the service needs none. */
  readonly keyVariable: string | null;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly price: Provider["price"];
}

/** What the service did at the last try, in words. */
interface Last {
  said: string | null;
}

export function openAiProvider(options: OpenAiOptions): Provider {
  const client = async (last: Last, streamed = false) => {
    if (options.apiKey === null && options.keyVariable !== null)
      throw new CallFailure(
        "failed",
        `provider \`${options.name}\` needs a key: the environment variable ${options.keyVariable} is not set`,
      );
    const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
    return createOpenAICompatible({
      name: options.name,
      baseURL: options.baseUrl,
      ...(options.apiKey !== null && { apiKey: options.apiKey }),
      ...(streamed && { includeUsage: true }),
      // A redirect could carry the key to another host.
      fetch: async (url, init) => {
        try {
          const response = bounded(await fetch(url, { ...init, redirect: "error" }));
          last.said = `its last answer was ${response.status}`;
          return response;
        } catch (error) {
          if (!init?.signal?.aborted) last.said = "it could not be reached";
          throw error;
        }
      },
    });
  };

  return {
    name: options.name,
    worstCase: (request) => ({ inputTokens: promptAtMost(request), outputTokens: request.maxTokens }),
    price: options.price,
    async complete(request: CompletionRequest, signal): Promise<Completion> {
      const { generateText, jsonSchema, tool } = await import("ai");
      const timeout = AbortSignal.timeout(options.timeoutMs);
      const last: Last = { said: null };
      try {
        const result = await generateText({
          model: (await client(last)).chatModel(request.model),
          allowSystemInMessages: true,
          messages: request.messages.map(({ role, content }) => ({ role, content })),
          ...(request.tools.length > 0 && {
            tools: Object.fromEntries(
              request.tools.map((entry) => [
                entry.name,
                tool({ description: entry.description, inputSchema: jsonSchema(entry.input_schema as never) }),
              ]),
            ),
          }),
          maxOutputTokens: request.maxTokens,
          temperature: request.temperature,
          maxRetries: options.maxRetries,
          abortSignal: AbortSignal.any([signal, timeout]),
        });
        return {
          text: withoutKey(result.text.toWellFormed(), options), // an answer that was cut off can end in half a character
          toolCalls: result.toolCalls.map((call) => ({
            id: call.toolCallId,
            name: call.toolName,
            arguments: JSON.parse(withoutKey(JSON.stringify(call.input ?? null), options)) as Json,
          })),
          model: `${options.name}/${request.model}`,
          // A server that does not report usage is charged the worst case: a budget is never overspent.
          inputTokens: reported(result.usage.inputTokens) ?? promptAtMost(request),
          outputTokens: reported(result.usage.outputTokens) ?? Math.min(request.maxTokens, tokensAtMost(result.text)),
        };
      } catch (error) {
        throw await typedFailure(error, { ...options, last, timedOut: timeout.aborted, cancelled: signal.aborted });
      }
    },
    async *stream(request, signal) {
      const { streamText } = await import("ai");
      const timeout = AbortSignal.timeout(options.timeoutMs);
      const gone = new AbortController();
      const last: Last = { said: null };
      const outgoing = new Outgoing(secretOf(options));
      let length = 0;
      try {
        const { stream, totalUsage } = streamText({
          model: (await client(last, true)).chatModel(request.model),
          allowSystemInMessages: true,
          messages: request.messages.map(({ role, content }) => ({ role, content })),
          maxOutputTokens: request.maxTokens,
          temperature: request.temperature,
          maxRetries: options.maxRetries,
          abortSignal: AbortSignal.any([signal, timeout, gone.signal]),
          onError: () => {}, // it is a part of the stream, too
        });
        totalUsage.then(undefined, () => {});
        for await (const part of stream) {
          if (part.type === "error") throw part.error;
          if (part.type === "abort") throw new Error("it broke off its answer"); // ours, or the service's: the signals know
          if (part.type !== "text-delta") continue;
          length += part.text.length;
          yield outgoing.push(part.text);
        }
        yield outgoing.end();
        const usage = await totalUsage;
        return {
          inputTokens: reported(usage.inputTokens) ?? promptAtMost(request),
          // Three bytes a character at most: whoever does not report usage is charged the worst case.
          outputTokens: reported(usage.outputTokens) ?? Math.min(request.maxTokens, length * 3 + 16),
        };
      } catch (error) {
        throw await typedFailure(error, { ...options, last, timedOut: timeout.aborted, cancelled: signal.aborted });
      } finally {
        gone.abort(); // whoever stops reading stops the request
      }
    },
    async embed(texts, model, signal) {
      const { embedMany } = await import("ai");
      const timeout = AbortSignal.timeout(options.timeoutMs);
      const last: Last = { said: null };
      try {
        const result = await embedMany({
          model: (await client(last)).embeddingModel(model),
          values: [...texts],
          maxRetries: options.maxRetries,
          abortSignal: AbortSignal.any([signal, timeout]),
        });
        if (!result.embeddings.every((vector) => vector.every(Number.isFinite)))
          throw new CallFailure("failed", `provider \`${options.name}\` answered with vectors that are none`);
        return result.embeddings;
      } catch (error) {
        throw await typedFailure(error, { ...options, last, timedOut: timeout.aborted, cancelled: signal.aborted });
      }
    },
  };
}

/** Bytes of an answer that are read; a completion takes a fraction of it. */
const ANSWER_BYTES = 8 << 20;

/** The response, whose body breaks off where it grows too long, whatever its headers promise. */
function bounded(response: Response): Response {
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES) controller.error(new Error(`the answer has more than ${ANSWER_BYTES} bytes`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body?.pipeThrough(limit) ?? null, { status, statusText, headers });
}

/** Counts are 32 bits wide in the WIT. */
const MOST_TOKENS = 0xffff_ffff;

/** A count as the service reports it, or undefined where that cannot be one. */
function reported(tokens: number | undefined): number | undefined {
  return tokens !== undefined && Number.isInteger(tokens) && tokens >= 0 && tokens <= MOST_TOKENS ? tokens : undefined;
}

const promptAtMost = (request: CompletionRequest): number =>
  request.messages.reduce((sum, message) => sum + tokensAtMost(message.content), 0) +
  (request.tools.length > 0 ? tokensAtMost(JSON.stringify(request.tools)) : 0);

/** What went wrong, as an agent and a person can use it. The key never appears: only the provider's name and the status do. */
async function typedFailure(
  error: unknown,
  at: OpenAiOptions & { last: Last; timedOut: boolean; cancelled: boolean },
): Promise<CallFailure> {
  if (error instanceof CallFailure) return error;
  if (at.cancelled) return new CallFailure("cancelled", "the run is being cancelled");
  if (at.timedOut) {
    // The time may have gone into repeats: what was wrong with them is what a person needs to know.
    const last = at.last.said === null ? "" : ` (${at.last.said})`;
    return new CallFailure("timeout", `provider \`${at.name}\` did not answer within ${at.timeoutMs} ms${last}`);
  }
  const { APICallError, RetryError } = await import("ai"); // ~150 ms to import: only where a provider is used
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (!APICallError.isInstance(last))
    return new CallFailure("failed", `provider \`${at.name}\`: ${scrub(String((last as Error)?.message ?? last), at)}`);
  const status = last.statusCode;
  const said = scrub(last.message, at);
  if (status === undefined)
    return new CallFailure("unavailable", `provider \`${at.name}\` cannot be reached at ${origin(at.baseUrl)}: ${said}`);
  if (status === 429)
    return new CallFailure("unavailable", `provider \`${at.name}\` limits the rate: ${said}`, {
      retryAfterMs: retryAfter(last.responseHeaders),
    });
  if (status >= 500)
    return new CallFailure("unavailable", `provider \`${at.name}\` answered ${status}: ${said}`, {
      retryAfterMs: retryAfter(last.responseHeaders),
    });
  if (status >= 200 && status < 300)
    return new CallFailure(
      "failed",
      `provider \`${at.name}\` answered with something that is no completion: ${said}${because(last.cause, at)}`,
    );
  if (status === 401 || status === 403) return new CallFailure("failed", `provider \`${at.name}\` refused the key (${status})`);
  return new CallFailure("failed", `provider \`${at.name}\` answered ${status}: ${said}`);
}

/** Shorter keys are no secrets (`ollama`, `none`): their letters may stand in any answer. */
const SECRET_LENGTH = 16;

/** A service that repeats its key in an answer does not bring it into the log. Depth only: it can spell it in another way. */
function withoutKey(text: string, options: OpenAiOptions): string {
  const secret = secretOf(options);
  return secret === null ? text : text.replaceAll(secret, "[key]");
}

const secretOf = ({ apiKey }: OpenAiOptions): string | null =>
  apiKey !== null && apiKey.length >= SECRET_LENGTH ? apiKey : null;

function scrub(text: string, at: OpenAiOptions): string {
  const clean = at.apiKey ? text.replaceAll(at.apiKey, "[key]") : text;
  return clean.slice(0, 300);
}

const because = (cause: unknown, at: OpenAiOptions): string => (cause instanceof Error ? ` (${scrub(cause.message, at)})` : "");

const origin = (url: string): string => {
  try {
    return new URL(url).origin;
  } catch {
    return url;
  }
};

/** `retry-after` in seconds or as a date (RFC 9110, 10.2.3), or 0. */
function retryAfter(headers: Record<string, string> | undefined): number {
  const value = headers?.["retry-after"];
  if (value === undefined) return 0;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isFinite(date) ? Math.max(0, date - Date.now()) : 0;
}
