/** The model broker: from a name that an agent asks for to a provider that answers, within budgets. */
import type { RunEventDraft } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { matchesPattern } from "../capability/authorize.js";
import { CallFailure, type CallContext } from "../imports/interface.js";
import { TokenBudget, type Grantee, type Scope } from "./budget.js";
import { LOCAL_MODEL, localProvider } from "./local.js";
import type { Completion, CompletionRequest, Provider } from "./provider.js";

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

/** The budgets of one run, shared by its nodes. */
export class RunBudgets {
  private readonly budget = new TokenBudget();
  private readonly opening: Scope | null;
  private readonly nodes: ReadonlyMap<NodeId, Grantee>;

  /** `spent` is what the journal says was used before (a reservation that was never settled counts in full). */
  constructor(
    opening: number | null,
    nodes: readonly { id: NodeId; tokens: number | null }[],
    spent: { total: number; byNode: ReadonlyMap<NodeId, number> },
  ) {
    this.opening = opening === null ? null : this.budget.scope("opening", opening, spent.total);
    this.nodes = new Map(
      nodes.map(({ id, tokens }, order) => [
        id,
        {
          order,
          scopes: [
            ...(this.opening ? [this.opening] : []),
            ...(tokens === null ? [] : [this.budget.scope(`node:${id}`, tokens, spent.byNode.get(id) ?? 0)]),
          ],
        },
      ]),
    );
  }

  /**
   * Reserves the worst case, makes the call, settles the actual. The reservation is durable before the call is made; what was used
   * comes back as events for the call's own append.
   */
  async complete(
    context: CallContext,
    provider: Provider,
    request: CompletionRequest,
  ): Promise<{ completion: Completion; events: RunEventDraft[] }> {
    const grantee = this.nodes.get(context.node) ?? { order: 0, scopes: [] };
    const amount = provider.worstCase(request);
    if (grantee.scopes.length > 0) {
      const granted = await this.budget.reserve(grantee, amount, context.signal);
      if (!granted) {
        await context.journal.append(grantee.scopes.map((scope) => budgetEvent("budget.exhausted", context, scope, amount)));
        const tightest = grantee.scopes.reduce((a, b) => (a.left <= b.left ? a : b));
        throw new CallFailure(
          "budget-exhausted",
          `the call may cost ${amount} tokens; ${tightest.left} are left (${tightest.name})`,
        );
      }
      await context.journal.append(grantee.scopes.map((scope) => budgetEvent("budget.reserved", context, scope, amount)));
    }
    let used = 0;
    try {
      const completion = await provider.complete(request, context.signal);
      used = completion.inputTokens + completion.outputTokens;
      return { completion, events: this.charge(context, grantee, amount, used) };
    } catch (error) {
      // What a failed call has cost is not known; providers bill answers, not refusals. The reservation is given back.
      if (grantee.scopes.length > 0) await context.journal.append(this.charge(context, grantee, amount, 0));
      throw error;
    }
  }

  private charge(context: CallContext, grantee: Grantee, reserved: number, used: number): RunEventDraft[] {
    this.budget.settle(grantee, reserved, used);
    return grantee.scopes.map((scope) => budgetEvent("budget.charged", context, scope, used));
  }
}

function budgetEvent(
  kind: "budget.reserved" | "budget.charged" | "budget.exhausted",
  context: CallContext,
  scope: Scope,
  amount: number,
): RunEventDraft {
  const verb = { "budget.reserved": "reserved", "budget.charged": "used", "budget.exhausted": "not covered" }[kind];
  return {
    kind,
    level: kind === "budget.exhausted" ? "warn" : "info",
    message: `${context.node}: ${amount} tokens ${verb}, ${scope.left} left (${scope.name})`,
    meta: { scope: scope.name, unit: "tokens", amount, left: scope.left },
  };
}
