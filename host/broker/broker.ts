/** The model broker: from a name that an agent asks for to a provider that answers, within budgets. */
import type { RunEventDraft } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { budgetScope, unit } from "#openings/engine/spending.js";
import type { Opening } from "#openings/ir.js";
import { matchesPattern } from "#openings/grant/pattern.js";
import { CallFailure, type CallContext } from "../imports/interface.js";
import { Chunks } from "./chunks.js";
import { TokenBudget, type Grantee } from "./budget.js";
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

/** An answer that arrives in chunks, within budgets. */
export interface BudgetedStream {
  /** The next chunk; null at the end, with the events that settle what it cost. */
  next(): Promise<{ readonly chunk: string | null; readonly events: readonly RunEventDraft[] }>;
  /** Ends the request, whatever has come of it. */
  close(): Promise<void>;
}

/** The token budgets of one run, shared by its nodes. */
export class RunBudgets {
  private readonly budget = new TokenBudget();
  private readonly nodes: ReadonlyMap<NodeId, Grantee>;

  /** `used` is what the journal says was spent, or reserved and never settled, before this process took the run up. */
  constructor(opening: Opening, used: (node: NodeId | null) => number) {
    const { budget_tokens } = opening.policy;
    const whole = budget_tokens === null ? [] : [this.budget.scope("the opening", budget_tokens, used(null))];
    this.nodes = new Map(
      opening.nodes.map(({ id, budget_tokens: own }, order) => {
        const scopes = own === null ? whole : [...whole, this.budget.scope(`node ${id}`, own, used(id))];
        return [id, { order, scopes }];
      }),
    );
  }

  /** Reserves the worst case in the node's and the opening's budget; durable when it resolves. Throws `budget-exhausted`. */
  private async reserve(context: CallContext, worst: number): Promise<Grantee> {
    const grantee = this.nodes.get(context.node) ?? { order: 0, scopes: [] };
    if (!(await this.budget.reserve(grantee, worst, context.signal))) {
      await context.journal.append([budgetEvent("budget.exhausted", context, grantee, worst)]);
      const names = grantee.scopes.map((scope) => `${scope.left} (${scope.name})`).join(", ");
      throw new CallFailure("budget-exhausted", `the call may cost ${worst} tokens; left are ${names}`);
    }
    await context.journal.append([budgetEvent("budget.reserved", context, grantee, worst)]);
    return grantee;
  }

  /**
   * Reserves the worst case and begins to stream. What was used is settled with the end of the stream, or when it is closed before: then
   * the worst case counts, since what a provider has made and not sent yet is on the bill all the same.
   */
  async stream(context: CallContext, provider: Provider, request: CompletionRequest): Promise<BudgetedStream> {
    if (!provider.stream) throw new CallFailure("invalid", `the provider \`${provider.name}\` does not stream`);
    const worst = provider.worstCase(request);
    const grantee = await this.reserve(context, worst);
    const gone = new AbortController();
    const chunks = new Chunks(provider.stream(request, AbortSignal.any([context.signal, gone.signal])));
    let settled = false;
    const settle = (used: number): RunEventDraft[] => {
      if (settled) return [];
      settled = true;
      this.budget.settle(grantee, worst, used);
      return [budgetEvent("budget.charged", context, grantee, used)];
    };
    return {
      async next() {
        try {
          const chunk = await chunks.next();
          if (typeof chunk === "string") return { chunk, events: [] };
          return { chunk: null, events: settle(chunk.inputTokens + chunk.outputTokens) };
        } catch (error) {
          // Providers bill answers, not refusals.
          const events = settle(chunks.begun || context.signal.aborted ? worst : 0);
          if (events.length > 0) await context.journal.append(events);
          throw error;
        }
      },
      async close() {
        gone.abort(); // a generator that waits for its server hears of nothing else
        await chunks.close();
        const events = settle(worst);
        if (events.length > 0) await context.journal.append(events);
      },
    };
  }

  /**
   * Reserves the worst case, makes the call, settles the actual. The reservation is durable before the call is made; what was used
   * comes back as an event for the call's own append.
   */
  async complete(
    context: CallContext,
    provider: Provider,
    request: CompletionRequest,
  ): Promise<{ completion: Completion; events: RunEventDraft[] }> {
    const worst = provider.worstCase(request);
    const grantee = await this.reserve(context, worst);
    try {
      const completion = await provider.complete(request, context.signal);
      const used = completion.inputTokens + completion.outputTokens;
      this.budget.settle(grantee, worst, used);
      return { completion, events: [budgetEvent("budget.charged", context, grantee, used)] };
    } catch (error) {
      // Providers bill answers, not refusals. A call that was cut off may have been answered all the same: it counts in full.
      const used = context.signal.aborted ? worst : 0;
      this.budget.settle(grantee, worst, used);
      await context.journal.append([budgetEvent("budget.charged", context, grantee, used)]);
      throw error;
    }
  }
}

function budgetEvent(
  kind: "budget.reserved" | "budget.charged" | "budget.exhausted",
  context: CallContext,
  grantee: Grantee,
  amount: number,
): RunEventDraft {
  const verb = { "budget.reserved": "reserved", "budget.charged": "used", "budget.exhausted": "not covered" }[kind];
  const left = grantee.scopes.length === 0 ? null : Math.min(...grantee.scopes.map((scope) => scope.left));
  return {
    kind,
    level: kind === "budget.exhausted" ? "warn" : "info",
    message: `${context.node}: ${amount} tokens ${verb}${left === null ? "" : `, ${left} left`}`,
    meta: { scope: budgetScope(context.node), unit: unit.tokens, amount, left },
  };
}
