/** The embedder that `kb.embedder` names: the built-in one, or a model of a configured provider. */
import { BUILT_IN_EMBEDDER } from "../config/defaults.js";
import type { Environment } from "../config/layer.js";
import type { Config } from "../config/schema.js";
import { KbError } from "#kb/errors.js";
import type { Embedder } from "#kb/vectors/embedder.js";
import { hashedEmbedder } from "#kb/vectors/hashed.js";
import { configuredProviders } from "./configured.js";

export function configuredEmbedder({ kb, ...config }: Config, env: Environment): Embedder {
  const name = kb.embedder;
  if (name === BUILT_IN_EMBEDDER) return hashedEmbedder;
  const slash = name.indexOf("/");
  const [providerName, model] = [name.slice(0, slash), name.slice(slash + 1)];
  const failed = (message: string, cause?: unknown): KbError =>
    new KbError("KB_EMBEDDER", message, {
      cause,
      hint: `\`kb.embedder\` is \`${BUILT_IN_EMBEDDER}\` or \`<provider>/<model>\` with a provider of \`models.broker.providers\``,
    });
  return {
    name,
    // Nothing is known of what such a model calls unlike.
    floor: 0,
    async embed(texts, signal = new AbortController().signal) {
      const provider = configuredProviders({ kb, ...config }, env).find((each) => each.name === providerName);
      if (!provider?.embed)
        throw failed(`\`kb.embedder\` names \`${name}\`, and there is no provider \`${providerName}\` that makes embeddings`);
      try {
        return await provider.embed(texts, model, signal);
      } catch (cause) {
        throw failed(`no vectors from \`${name}\`: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
      }
    },
  };
}
