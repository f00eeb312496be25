/** What the host's built-in provider does with a template, for tests of agents that use it. */
export function localAnswer(options: { local: string }): object {
  const { template, data } = JSON.parse(options.local) as { template: string; data: Record<string, string> };
  const text = template.replace(/\{\{([a-z][a-z0-9_]{0,63})\}\}/g, (slot, name: string) => {
    if (typeof data[name] !== "string") throw new Error(`the template uses ${slot} without data`);
    return data[name];
  });
  return { text, model: "local/template", inputTokens: 10, outputTokens: 20 };
}

export const local = { "model.complete": (_prompt: string, options: { local: string }) => localAnswer(options) };

/** A model that says this. */
export const saying = (text: string) => ({
  "model.complete": () => ({ text, model: "fast/small", inputTokens: 1, outputTokens: 1 }),
});
