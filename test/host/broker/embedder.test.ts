/** The neural embedder over HTTP, against a real server on this machine. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { configuredEmbedder } from "#host/broker/embedder.js";
import { defaults } from "#host/config/defaults.js";
import type { Config } from "#host/config/schema.js";
import { openKb } from "#kb/kb.js";
import { embed } from "#kb/vectors/embed.js";
import { hashedEmbedder } from "#kb/vectors/hashed.js";
import { freshRoot, note, put } from "../../kb/sample.js";

let server: Server | undefined;
afterEach(() => server?.close());

interface Asked {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly input: readonly string[];
}

/** Answers like `/v1/embeddings`; `fruit` decides, so that texts with and without it are far apart. */
async function service(status = 200): Promise<{ readonly base: string; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { input } = JSON.parse(body) as { input: string | string[] };
      const texts = [input].flat();
      asked.push({ url: request.url, key: request.headers.authorization, input: texts });
      const data = texts.map((text, index) => ({
        object: "embedding",
        index,
        embedding: /apple|pear|fruit/i.test(text) ? [1, 0, 0.1, 0] : [0, 1, 0.1, 0],
      }));
      response.writeHead(status, { "content-type": "application/json" });
      response.end(
        JSON.stringify(
          status === 200
            ? { object: "list", data, model: "m", usage: { prompt_tokens: 1, total_tokens: 1 } }
            : { error: { message: "no" } },
        ),
      );
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked };
}

function configured(base: string, embedder = "near/some-model"): Config {
  const config = defaults("/nowhere");
  const provider = { name: "near", kind: "openai-compatible" as const, base_url: base, key_env: "NEAR_KEY", max_retries: 0 };
  return {
    ...config,
    kb: { ...config.kb, embedder },
    models: { ...config.models, broker: { ...config.models.broker, providers: [provider] } },
  };
}

test("the built-in one is the default", () => {
  expect(configuredEmbedder(defaults("/nowhere"), {})).toBe(hashedEmbedder);
});

test("documents and queries are embedded by the service, with the key from the environment, and what is meant is found", async () => {
  const { base, asked } = await service();
  const kb = await openKb({ root: freshRoot(), embedder: configuredEmbedder(configured(base), { NEAR_KEY: "k-123" }) });
  await put(kb, note("An apple a day.", "A"), note("A machine.", "M"));
  await embed(kb);
  expect(kb.views.vectors.state()).toMatchObject({ embedder: "near/some-model", dimension: 4 });
  const found = await kb.search("pear");
  expect(found).toMatchObject({ mode: "hybrid", note: null });
  expect(found.hits[0]).toMatchObject({ title: "A", ranks: { words: null, vectors: 1 } });
  expect(asked.map(({ url, key }) => `${url} ${key}`)).toEqual(["/v1/embeddings Bearer k-123", "/v1/embeddings Bearer k-123"]);
  await kb.close();
});

test("a service that fails costs the vectors, not the search; what is wrong is said, the key is not", async () => {
  const { base } = await service(500);
  const kb = await openKb({ root: freshRoot(), embedder: configuredEmbedder(configured(base), { NEAR_KEY: "k-123" }) });
  await put(kb, note("An apple a day.", "A"));
  await expect(embed(kb)).rejects.toMatchObject({ code: "KB_EMBEDDER", message: expect.stringContaining("near/some-model") });
  const found = await kb.search("apple");
  expect(found).toMatchObject({ mode: "words", hits: [{ title: "A" }], note: expect.stringContaining("near") });
  expect(found.note).not.toContain("k-123");
  await kb.close();
});

test("a provider that is not configured is named", async () => {
  const embedder = configuredEmbedder(configured("http://127.0.0.1:9/v1", "other/model"), {});
  await expect(embedder.embed(["x"])).rejects.toMatchObject({ code: "KB_EMBEDDER", message: expect.stringContaining("`other`") });
});
