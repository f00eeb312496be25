/** Model calls within budgets: the worst case is reserved, durably, before a provider is asked; what was used is settled after it. */
import type { RunEventDraft } from "#core/events.js";
import { unit } from "#openings/engine/spending.js";
import { CallFailure, type CallContext } from "../imports/interface.js";
import type { Claim, Unit } from "./budget.js";
import { Chunks } from "./chunks.js";
import { amountText, type Reservation, type RunBudgets } from "./run-budgets.js";
import { costOf, type Completion, type CompletionRequest, type Price, type Provider, type Usage } from "./provider.js";

/** An answer that arrives in chunks, within budgets. */
export interface BudgetedStream {
  /** The next chunk; null at the end, with the events that settle what it cost. */
  next(): Promise<{ readonly chunk: string | null; readonly events: readonly RunEventDraft[] }>;
  /** Ends the request, whatever has come of it. */
  close(): Promise<void>;
}

const tokensOf = ({ inputTokens, outputTokens }: Usage): number => inputTokens + outputTokens;

interface Bill {
  /** Settles what was used; `worst`: all that was reserved; `nothing`: providers bill answers, not refusals. */
  settle(used: Usage | "worst" | "nothing"): readonly RunEventDraft[];
}

/** Throws `budget-exhausted`. */
async function open(budgets: RunBudgets, context: CallContext, provider: Provider, request: CompletionRequest): Promise<Bill> {
  const worst = provider.worstCase(request);
  const price = provider.price(request.model);
  if (!price && budgets.limits(context.node, unit.microusd))
    throw new CallFailure(
      "budget-exhausted",
      `there is a budget in money, and nobody has said what \`${provider.name}/${request.model}\` costs: ` +
        "give it a price under `models.broker.providers[].prices` in config.yaml",
    );
  const claims: readonly Claim[] = [
    { unit: unit.tokens, amount: tokensOf(worst) },
    ...(price && isPaid(price) ? [{ unit: unit.microusd, amount: costOf(worst, price) }] : []),
  ];
  const reserved = await budgets.reserve(context.node, claims, context.journal, context.signal);
  if ("short" in reserved) {
    const { unit: of, asked, left } = reserved.short;
    throw new CallFailure("budget-exhausted", `the call may cost ${amountText(asked, of)}; left are ${left}`);
  }
  return { settle: (used) => settle(reserved, claims, price, used) };
}

const isPaid = ({ input, output }: Price): boolean => input > 0 || output > 0;

function settle(reserved: Reservation, claims: readonly Claim[], price: Price | null, used: Parameters<Bill["settle"]>[0]) {
  const cost = (of: Unit, worst: number): number => {
    if (used === "worst") return worst;
    if (used === "nothing") return 0;
    return of === unit.tokens ? tokensOf(used) : price ? costOf(used, price) : 0;
  };
  return claims.flatMap(({ unit: of, amount }) => reserved.settle(of, cost(of, amount)));
}

export async function complete(
  budgets: RunBudgets,
  context: CallContext,
  provider: Provider,
  request: CompletionRequest,
): Promise<{ readonly completion: Completion; readonly events: readonly RunEventDraft[] }> {
  const bill = await open(budgets, context, provider, request);
  try {
    const completion = await provider.complete(request, context.signal);
    return { completion, events: bill.settle(completion) };
  } catch (error) {
    // A call that was cut off may have been answered all the same: it counts in full.
    await context.journal.append(bill.settle(context.signal.aborted ? "worst" : "nothing"));
    throw error;
  }
}

/**
 * What was used is settled with the end of the stream, or when it is closed before: then the worst case counts, since what a provider
 * has made and not sent yet is on the bill all the same.
 */
export async function stream(
  budgets: RunBudgets,
  context: CallContext,
  provider: Provider,
  request: CompletionRequest,
): Promise<BudgetedStream> {
  if (!provider.stream) throw new CallFailure("invalid", `the provider \`${provider.name}\` does not stream`);
  const bill = await open(budgets, context, provider, request);
  const gone = new AbortController();
  const chunks = new Chunks(provider.stream(request, AbortSignal.any([context.signal, gone.signal])));
  const write = async (events: readonly RunEventDraft[]): Promise<void> => {
    if (events.length > 0) await context.journal.append(events);
  };
  return {
    async next() {
      try {
        const chunk = await chunks.next();
        if (typeof chunk === "string") return { chunk, events: [] };
        return { chunk: null, events: bill.settle(chunk) };
      } catch (error) {
        await write(bill.settle(chunks.begun || context.signal.aborted ? "worst" : "nothing"));
        throw error;
      }
    },
    async close() {
      gone.abort(); // a generator that waits for its server hears of nothing else
      await chunks.close();
      await write(bill.settle("worst"));
    },
  };
}
