import { expect, test } from "vitest";
import * as fc from "fast-check";
import { Reservations, type Account, type Unit } from "#host/broker/budget.js";

const never = new AbortController().signal;
const account = (left: number, unit: Unit = "tokens"): Account => ({ name: "the opening", unit, left, outstanding: 0 });
const of = (order: number, ...accounts: Account[]) => ({ order: [order], accounts });
const tokens = (amount: number) => ({ unit: "tokens", amount }) as const;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what does not fit waits while something outstanding could free it, and then goes in the order of the file", async () => {
  const queue = new Reservations();
  const whole = account(100);
  expect(await queue.reserve(of(0, whole), [tokens(80)], never)).toEqual([80]);
  const granted: number[] = [];
  const later = [3, 1, 2].map(async (order) => {
    if (await queue.reserve(of(order, whole), [tokens(40)], never)) granted.push(order);
  });
  await Promise.resolve();
  expect(granted).toEqual([]);
  queue.settle(of(0, whole), tokens(80), 10); // 90 left: two of three fit
  await turn();
  expect(granted).toEqual([1, 2]);
  queue.settle(of(1, whole), tokens(40), 40);
  queue.settle(of(2, whole), tokens(40), 40); // 10 left, nothing outstanding: the third can never be
  await Promise.all(later);
  expect(granted).toEqual([1, 2]);
});

test("what can never fit is refused at once", async () => {
  expect(await new Reservations().reserve(of(0, account(10)), [tokens(11)], never)).toBeNull();
});

test("a node inside of an opening stands in the line where its opening stands", async () => {
  const queue = new Reservations();
  const whole = account(10);
  const first = { order: [0], accounts: [whole] };
  await queue.reserve(first, [tokens(10)], never);
  const granted: string[] = [];
  for (const order of [[2], [1, 0, 5], [1, 0, 2], [1]])
    void queue.reserve({ order, accounts: [whole] }, [tokens(10)], never).then((one) => {
      granted.push(order.join("."));
      if (one) queue.settle({ order, accounts: [whole] }, tokens(10), 0);
    });
  queue.settle(first, tokens(10), 0);
  await turn();
  expect(granted).toEqual(["1", "1.0.2", "1.0.5", "2"]);
});

test("several units are reserved together or not at all", async () => {
  const queue = new Reservations();
  const accounts = [account(100), account(5, "microusd")];
  const claims = (money: number) => [tokens(60), { unit: "microusd", amount: money } as const];
  expect(await queue.reserve(of(0, ...accounts), claims(9), never)).toBeNull();
  expect(accounts.map(({ left }) => left)).toEqual([100, 5]);
  expect(await queue.reserve(of(0, ...accounts), claims(5), never)).toEqual([60, 5]);
  expect(accounts.map(({ left }) => left)).toEqual([40, 0]);
});

test("where something is better than nothing, what is left is granted once nothing more can come back", async () => {
  const queue = new Reservations();
  const fuel = account(100, "fuel");
  const claim = (amount: number) => ({ unit: "fuel", amount, partly: true }) as const;
  expect(await queue.reserve(of(0, fuel), [claim(80)], never)).toEqual([80]);
  let second: unknown = "waits";
  void queue.reserve(of(1, fuel), [claim(80)], never).then((granted) => (second = granted));
  await turn();
  expect(second).toBe("waits"); // 20 are left, and up to 80 may come back
  queue.settle(of(0, fuel), claim(80), 70);
  await turn();
  expect(second).toEqual([30]);
  queue.settle(of(1, fuel), claim(30), 30);
  expect(await queue.reserve(of(2, fuel), [claim(1)], never)).toBeNull();
});

test("a waiting reservation ends with its signal, and lets go whoever stood behind it", async () => {
  const queue = new Reservations();
  const whole = account(10);
  await queue.reserve(of(0, whole), [tokens(10)], never);
  const cancel = new AbortController();
  const waiting = queue.reserve(of(1, whole), [tokens(5)], cancel.signal);
  cancel.abort(new Error("cancelled"));
  await expect(waiting).rejects.toThrow("cancelled");
  await expect(queue.reserve(of(1, whole), [tokens(5)], cancel.signal)).rejects.toThrow("cancelled");
});

test("what an attempt had reserved before a crash is taken up and settled once", () => {
  const queue = new Reservations();
  const fuel = account(40, "fuel"); // of 100, of which 60 were reserved when the process died
  queue.takeUp(of(0, fuel), { unit: "fuel", amount: 60 });
  queue.settle(of(0, fuel), { unit: "fuel", amount: 60 }, 25);
  expect(fuel).toMatchObject({ left: 75, outstanding: 0 });
});

test("no sequence of reservations and settlements overspends a budget", async () => {
  const call = fc.record({
    order: fc.nat(5),
    worst: fc.nat(60),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    partly: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.array(call, { maxLength: 40 }), async (total, calls) => {
      const queue = new Reservations();
      const opening = account(total);
      let spent = 0;
      await Promise.all(
        calls.map(async ({ order, worst, share, partly }) => {
          const grantee = of(order, opening);
          const [granted] = (await queue.reserve(grantee, [{ ...tokens(worst), partly }], never)) ?? [];
          if (granted === undefined) return;
          await turn();
          const used = Math.floor(granted * share);
          spent += used;
          queue.settle(grantee, tokens(granted), used);
        }),
      );
      expect(spent).toBeLessThanOrEqual(total);
      expect(opening.left).toBe(total - spent);
      expect(opening.outstanding).toBe(0);
    }),
    { numRuns: 60 },
  );
});
