/** The model broker: from a name that an agent asks for to a provider that answers. */
import { matchesPattern } from "#openings/grant/pattern.js";
import { CallFailure } from "../imports/interface.js";
import { LOCAL_MODEL, localProvider } from "./local.js";
import type { Provider } from "./provider.js";

export interface BrokerOptions {
  readonly providers: readonly Provider[];
  /** `provider/model`, or null: the built-in `local`. */
  readonly defaultModel: string | null;
  /** First match wins: models whose name fits `match` go to `use` (`provider/model`). */
  readonly routes: readonly { readonly match: string; readonly use: string }[];
}

export interface Route {
  readonly provider: Provider;
  /** The provider's own name of the model. */
  readonly model: string;
  /** `provider/model`: what a grant's `model` patterns are matched against. */
  readonly full: string;
}

export class ModelBroker {
  private readonly providers: ReadonlyMap<string, Provider>;
  private readonly options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.options = options;
    this.providers = new Map([[localProvider.name, localProvider], ...options.providers.map((p) => [p.name, p] as const)]);
  }

  /** Which provider answers for `name` (empty = the default). Throws `invalid` where there is none. */
  route(name: string): Route {
    const asked = name || this.options.defaultModel || LOCAL_MODEL;
    const full = this.options.routes.find((route) => matchesPattern(route.match, asked))?.use ?? asked;
    const slash = full.indexOf("/");
    const provider = slash > 0 ? this.providers.get(full.slice(0, slash)) : undefined;
    if (!provider)
      throw new CallFailure(
        "invalid",
        `no provider for the model \`${full}\`: write \`provider/model\` with one of ${[...this.providers.keys()].join(", ")}`,
      );
    return { provider, model: full.slice(slash + 1), full };
  }
}
