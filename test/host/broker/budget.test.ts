import { expect, test } from "vitest";
import * as fc from "fast-check";
import { TokenBudget } from "#host/broker/budget.js";

const never = new AbortController().signal;

test("what does not fit waits while something outstanding could free it, and then goes in the order of the file", async () => {
  const budget = new TokenBudget();
  const scope = budget.scope("opening", 100);
  const node = (order: number) => ({ order, scopes: [scope] });
  expect(await budget.reserve(node(0), 80, never)).toBe(true);
  const granted: number[] = [];
  const later = [3, 1, 2].map(async (order) => {
    if (await budget.reserve(node(order), 40, never)) granted.push(order);
  });
  await Promise.resolve();
  expect(granted).toEqual([]);
  budget.settle(node(0), 80, 10); // 90 left: two of three fit
  await new Promise((resolve) => setImmediate(resolve));
  expect(granted).toEqual([1, 2]);
  budget.settle(node(1), 40, 40);
  budget.settle(node(2), 40, 40); // 10 left, nothing outstanding: the third can never be
  await Promise.all(later);
  expect(granted).toEqual([1, 2]);
});

test("what can never fit is refused at once", async () => {
  const budget = new TokenBudget();
  expect(await budget.reserve({ order: 0, scopes: [budget.scope("opening", 10)] }, 11, never)).toBe(false);
});

test("a waiting reservation ends with its signal", async () => {
  const budget = new TokenBudget();
  const scope = budget.scope("opening", 10);
  await budget.reserve({ order: 0, scopes: [scope] }, 10, never);
  const cancel = new AbortController();
  const waiting = budget.reserve({ order: 1, scopes: [scope] }, 5, cancel.signal);
  cancel.abort(new Error("cancelled"));
  await expect(waiting).rejects.toThrow("cancelled");
  await expect(budget.reserve({ order: 1, scopes: [scope] }, 5, cancel.signal)).rejects.toThrow("cancelled");
});

test("no sequence of reservations and settlements overspends a budget", async () => {
  const call = fc.record({ order: fc.nat(5), worst: fc.nat(60), share: fc.double({ min: 0, max: 1, noNaN: true }) });
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.array(call, { maxLength: 40 }), async (total, calls) => {
      const budget = new TokenBudget();
      const opening = budget.scope("opening", total);
      let spent = 0;
      await Promise.all(
        calls.map(async ({ order, worst, share }) => {
          const grantee = { order, scopes: [opening] };
          if (!(await budget.reserve(grantee, worst, never))) return;
          await new Promise((resolve) => setImmediate(resolve));
          const used = Math.floor(worst * share);
          spent += used;
          budget.settle(grantee, worst, used);
        }),
      );
      expect(spent).toBeLessThanOrEqual(total);
      expect(opening.left).toBe(total - spent);
      expect(opening.outstanding).toBe(0);
    }),
    { numRuns: 60 },
  );
});
