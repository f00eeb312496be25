import { describe, expect, test } from "vitest";
import type { RunEventOf } from "#core/events.js";
import { INLINE_BYTES } from "#core/values.js";
import { gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { once, opening, sketch, type Sketch } from "./world/opening.js";
import { replayed, simulate, type Setup } from "./world/world.js";

const inner = (from: Partial<Sketch> = {}) =>
  opening({ name: "inner", nodes: { x: {} }, inputs: {}, outputs: { out: "x.out" }, ...from });
const takes =
  (ms: number, value: unknown = 1): Agent =>
  async (guest) => (await guest.work(ms), gives({ out: value as never }));

describe("an opening inside of another one", () => {
  test("hands back what is too long for an event", async () => {
    const graph = sketch({ nodes: { a: { opening: inner() } } });
    const agents = () => takes(1, { text: "x".repeat(INLINE_BYTES) });
    const { outcome, disk } = await simulate({ graph, agents });
    expect(outcome.success).toBe(true);
    expect(await replayed(graph, agents, disk)).toMatchObject({ agrees: true });
  });

  describe("timeout_ms of its node", () => {
    const limited = (timeout_ms: number, from: Partial<Sketch> = {}, attempts = 1) =>
      sketch({ nodes: { a: { opening: inner(from), timeout_ms, retry: { ...once, max_attempts: attempts, backoff_ms: 10 } } } });
    const ends = ({ events }: { readonly events: readonly { readonly kind: string }[] }) =>
      events
        .filter((event): event is RunEventOf<"node.finished"> => event.kind === "node.finished")
        .map(({ meta }) => meta.error);

    test("ends the run inside as a time-out of the node, which another attempt may help", async () => {
      const graph = limited(100, {}, 2);
      const agents: Setup["agents"] = () => takes(1000);
      const ran = await simulate({ graph, agents });
      expect(ends(ran)).toMatchObject([{ code: "host.timeout", retryable: true }, { code: "host.timeout" }]);
      expect(ran.disk.inner.size).toBe(2);
      for (const log of ran.disk.inner.values())
        expect(log.find(({ kind }) => kind === "run.cancelled")?.meta).toMatchObject({ by: "node.timeout_ms", active_ms: 100 });
      expect(await replayed(graph, agents, ran.disk)).toMatchObject({ agrees: true });
    });

    test("the tighter of it and the opening's own holds", async () => {
      const own = await simulate({ graph: limited(100, { policy: { timeout_ms: 50 } }), agents: () => takes(1000) });
      expect(ends(own)).toMatchObject([{ code: "host.opening-failed", retryable: true }]);
      const nodes = await simulate({ graph: limited(50, { policy: { timeout_ms: 100 } }), agents: () => takes(1000) });
      expect(ends(nodes)).toMatchObject([{ code: "host.timeout" }]);
    });

    test("counts the time before a crash, and not the time that a person takes", async () => {
      const asks: Agent = async (guest) => (
        await guest.work(30),
        await guest.propose({}),
        await guest.work(30),
        gives({ out: 1 })
      );
      const patient = await simulate({ graph: limited(100), agents: () => asks, latency: () => 10_000 });
      expect(patient.outcome.success).toBe(true);
    });
  });
});
