/** The providers that the configuration names. Keys come from the environment and are never kept anywhere else. */
import type { Config } from "../config/schema.js";
import { openAiProvider } from "./openai.js";
import { matchesPattern } from "#openings/grant/pattern.js";
import type { Price, Provider } from "./provider.js";

const TIMEOUT_MS = 60_000;
const MAX_RETRIES = 2;

/** The first pattern that fits the provider's own name of the model. */
function priceList(prices: Readonly<Record<string, Price>>): Provider["price"] {
  const list = Object.entries(prices);
  return (model) => list.find(([pattern]) => matchesPattern(pattern, model))?.[1] ?? null;
}

export function configuredProviders(config: Config, env: Readonly<Record<string, string | undefined>>): readonly Provider[] {
  return config.models.broker.providers.flatMap((provider) =>
    provider.kind === "local"
      ? []
      : [
          openAiProvider({
            name: provider.name,
            baseUrl: provider.base_url,
            apiKey: (provider.key_env && env[provider.key_env]) || null,
            keyVariable: provider.key_env ?? null,
            timeoutMs: provider.timeout_ms ?? TIMEOUT_MS,
            maxRetries: provider.max_retries ?? MAX_RETRIES,
            price: priceList(provider.prices ?? {}),
          }),
        ],
  );
}
