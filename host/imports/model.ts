/** `runloop:agent/model`: language models through the broker. The agent sees neither provider nor key. */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { ModelBroker } from "../broker/broker.js";
import { complete, stream as openStream, type BudgetedStream } from "../broker/budgeted.js";
import type { RunBudgets } from "../broker/run-budgets.js";
import type { CompletionRequest } from "../broker/provider.js";
import { mayUseModel } from "../capability/authorize.js";
import { CallFailure, refuse, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { read, readText } from "./kb.js";

const MAX_PROMPT = 512 * 1024;
const options = z.strictObject({
  model: z.string().max(256),
  max_tokens: z.int().min(0).max(1_000_000),
  temperature: z.number().min(0).max(2),
  local: z.string().max(MAX_PROMPT),
});
const completeArgs = z.tuple([z.string().max(MAX_PROMPT), options]);
const chatArgs = z.tuple([z.string().max(MAX_PROMPT), z.string().max(MAX_PROMPT), options]);
const chatMessages = z
  .array(z.strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string() }))
  .min(1)
  .max(1000);
const chatTools = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
      description: z.string().max(8192).default(""),
      input_schema: z.custom<JsonObject>(isJsonObject, "not an object"),
    }),
  )
  .max(128);
const localTemplate = z.strictObject({ template: z.string(), data: z.custom<JsonObject>(isJsonObject, "not an object") });

/** What `max-tokens` = 0 means. */
const DEFAULT_MAX_TOKENS = 1024;
/** Everything that a model says carries this label: nobody vouches for it. */
const MODEL_LABELS = ["model"];

/** Streams that one attempt has open at once: each is a connection. */
const OPEN_STREAMS = 16;
/** As handles name it. */
const STREAM = "model/completion-stream";

export function modelFunctions(broker: ModelBroker, budgets: RunBudgets): HostFunctions {
  /** Open streams, and those that have come to their end, by attempt and the number of the call that opened them. */
  const streams = new Map<string, BudgetedStream>();
  const answer = async (context: CallContext, name: string, request: Omit<CompletionRequest, "model">) => {
    const route = broker.route(name);
    refuse(mayUseModel(context.grant, route.full));
    return complete(budgets, context, route.provider, { ...request, model: route.model });
  };
  return new Map([
    [
      "model.complete",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const [prompt, given] = read(completeArgs, args);
        const { completion, events } = await answer(context, given.model, {
          messages: [{ role: "user", content: prompt }],
          tools: [],
          ...limits(given),
        });
        return {
          answer: {
            ok: {
              text: completion.text,
              model: completion.model,
              input_tokens: completion.inputTokens,
              output_tokens: completion.outputTokens,
            },
          },
          labels: MODEL_LABELS,
          events,
          tokens: completion.inputTokens + completion.outputTokens,
        };
      },
    ],
    [
      "model.chat",
      async (context, args) => {
        const [messages, tools, given] = read(chatArgs, args);
        const { completion, events } = await answer(context, given.model, {
          messages: readText(chatMessages, messages),
          tools: tools === "" ? [] : readText(chatTools, tools),
          ...limits(given),
        });
        const value = {
          text: completion.text,
          tool_calls: completion.toolCalls,
          model: completion.model,
          usage: { input_tokens: completion.inputTokens, output_tokens: completion.outputTokens },
        };
        return {
          answer: { ok: JSON.stringify(value) },
          labels: MODEL_LABELS,
          events,
          tokens: completion.inputTokens + completion.outputTokens,
        };
      },
    ],
    [
      "model.stream",
      async (context, args) => {
        const [prompt, given] = read(completeArgs, args);
        const route = broker.route(given.model);
        refuse(mayUseModel(context.grant, route.full));
        if (context.held.count(STREAM) >= OPEN_STREAMS)
          throw new CallFailure("failed", `more than ${OPEN_STREAMS} streams are open: read them to their end, or drop them`, {
            limit: { name: "streams", value: OPEN_STREAMS + 1, ceiling: OPEN_STREAMS },
          });
        const stream = await openStream(budgets, context, route.provider, {
          model: route.model,
          messages: [{ role: "user", content: prompt }],
          tools: [],
          ...limits(given),
        });
        const key = streamKey(context, context.seq);
        streams.set(key, stream);
        context.held.add(STREAM, context.seq, async () => {
          streams.delete(key);
          await stream.close();
        });
        return { answer: { ok: context.seq }, labels: [] };
      },
    ],
    [
      "model.[method]completion-stream.next",
      async (context, args) => {
        const [name] = read(z.tuple([z.int().nonnegative()]), args);
        const stream = streams.get(streamKey(context, name));
        // The journal says what came, and not what would have come: the connection ended with the process that had it.
        if (!stream)
          throw new CallFailure("unavailable", "the stream was cut off when its run was: begin another", { retryAfterMs: 0 });
        const { chunk, events } = await stream.next();
        return { answer: { ok: chunk }, labels: chunk === null ? [] : MODEL_LABELS, events };
      },
    ],
    [
      "model.embed",
      async (context, args) => {
        const [texts, name] = read(z.tuple([z.array(z.string().max(65_536)).min(1).max(256), z.string().max(256)]), args);
        const route = broker.route(name);
        refuse(mayUseModel(context.grant, route.full));
        if (!route.provider.embed)
          throw new CallFailure("invalid", `the provider \`${route.provider.name}\` makes no embeddings`);
        const vectors = await route.provider.embed(texts, route.model, context.signal);
        return { answer: { ok: vectors as unknown as Json }, labels: MODEL_LABELS };
      },
    ],
  ]);
}

const streamKey = ({ node, attempt }: CallContext, name: number): string => `${node} ${attempt} ${name}`;

function limits(given: z.infer<typeof options>): Pick<CompletionRequest, "maxTokens" | "temperature" | "local"> {
  return {
    maxTokens: given.max_tokens || DEFAULT_MAX_TOKENS,
    temperature: given.temperature,
    local: given.local === "" ? null : readText(localTemplate, given.local),
  };
}
