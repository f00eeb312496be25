/** The providers that the configuration names. Keys come from the environment and are never kept anywhere else. */
import type { Config } from "../config/schema.js";
import { openAiProvider } from "./openai.js";
import type { Provider } from "./provider.js";

const TIMEOUT_MS = 60_000;
const MAX_RETRIES = 2;

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
          }),
        ],
  );
}
