/** What models cost at most, as the configuration has it: for plans. */
import { matchesPattern, meetPatterns } from "#openings/grant/pattern.js";
import type { Prices } from "#openings/plan/cost.js";
import type { Config } from "../config/schema.js";
import { LOCAL_MODEL } from "./local.js";

/** A token costs no more than the dearer of its two prices. The built-in model costs nothing. */
export function priceBook(config: Config): Prices {
  const own = LOCAL_MODEL.slice(0, LOCAL_MODEL.indexOf("/"));
  const priced = config.models.broker.providers.flatMap((provider) =>
    provider.kind === "local" || provider.name === own
      ? []
      : [
          {
            all: `${provider.name}/*`,
            prices: Object.entries(provider.prices ?? {}).map(([pattern, { input, output }]) => ({
              pattern: `${provider.name}/${pattern}`,
              price: Math.max(input, output),
            })),
          },
        ],
  );
  return {
    dearest(models) {
      const asked = models === true ? ["*"] : models;
      let dearest = 0;
      for (const { all, prices } of priced)
        for (const model of asked.flatMap((pattern) => meetPatterns(pattern, all))) {
          // The first pattern that fits decides: those behind one that covers everything are never looked at.
          const covering = prices.findIndex(({ pattern }) => matchesPattern(pattern, model));
          if (covering < 0) return null;
          for (const { pattern, price } of prices.slice(0, covering + 1))
            if (meetPatterns(pattern, model).length > 0 || matchesPattern(pattern, model)) dearest = Math.max(dearest, price);
        }
      return dearest;
    },
  };
}
