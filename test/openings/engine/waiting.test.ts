import { expect, test } from "vitest";
import type { RunEventDraft } from "#core/events.js";
import { blake3 } from "#core/digest.js";
import { proposalId, type NodeId } from "#core/ids.js";
import { apply } from "#openings/engine/apply.js";
import { activeAt, deadline } from "#openings/engine/select.js";
import { newState } from "#openings/engine/state.js";
import { beginning, sketch } from "./world/opening.js";

// A person who reads a proposal for an hour must not make the run time out (policy.timeout_ms is active time).

const graph = sketch({ nodes: { ask: {}, side: {} }, policy: { timeout_ms: 1000 } });
const proposal = proposalId(blake3("p"));
const digest = blake3("x");
const id = (node: string) => node as NodeId;

const started = (node: string): RunEventDraft => ({
  kind: "node.started",
  level: "info",
  message: "",
  meta: { node: id(node), agent: "a", attempt: 1, inputs_hash: digest },
});
const waiting: RunEventDraft = {
  kind: "node.waiting",
  level: "info",
  message: "",
  meta: { node: id("ask"), proposal_id: proposal },
};
const decided: RunEventDraft = {
  kind: "action.decided",
  level: "info",
  message: "",
  meta: { proposal_id: proposal, args_hash: digest, decision: "approved", by: "user" },
};
const finished = (node: string): RunEventDraft => ({
  kind: "node.finished",
  level: "info",
  message: "",
  meta: {
    node: id(node),
    attempt: 1,
    status: "ok",
    duration_ms: 1,
    fuel: 1,
    peak_memory_bytes: 0,
    outputs: [],
    outputs_hash: digest,
    journal_hash: digest,
    local_hash: digest,
  },
});

function folded(...events: readonly (readonly [atMs: number, event: RunEventDraft])[]) {
  const state = newState(graph);
  apply(state, { kind: "run.started", meta: beginning(graph) }, 0);
  for (const [atMs, event] of events) apply(state, event, atMs);
  return state;
}

test("while all that is left waits for a decision, no time passes and no deadline comes", () => {
  const state = folded([0, started("ask")], [0, started("side")], [100, waiting], [300, finished("side")]);
  expect(activeAt(state, 3_600_000)).toBe(300);
  expect(deadline(state)).toBe(Infinity);
  apply(state, decided, 3_600_000);
  expect(activeAt(state, 3_600_050)).toBe(350);
  expect(deadline(state)).toBe(3_600_000 + 700);
});

test("while something else runs, time goes on", () => {
  const state = folded([0, started("ask")], [0, started("side")], [100, waiting]);
  expect(activeAt(state, 500)).toBe(500);
  expect(deadline(state)).toBe(1000);
});

test("a decision that nobody told this process about ends the wait with the attempt", () => {
  const state = folded(
    [0, started("ask")],
    [0, started("side")],
    [100, waiting],
    [200, finished("side")],
    [9000, finished("ask")],
  );
  expect(activeAt(state, 9100)).toBe(300);
});
