/** The part of the fold that is a `for_each`: its invocations are nodes of their own (E10). */
import { joinLabels } from "#core/values.js";
import type { FactOf } from "./fact.js";
import type { Premise } from "./premise.js";
import { giveOut, newItems, type Items, type NodeState, type RunState } from "./state.js";

export function nodeExpanded(must: Premise, fact: FactOf<"node.expanded">, tsMs: number): void {
  must.goesOn(fact);
  const { state } = must;
  const its = must.node(fact.meta.node);
  must.is(its, fact, "ready");
  if (!its.node.each) must.refuse(`node.expanded of ${its.node.id}, which has no for_each`);
  its.phase = { is: "expanded" };
  its.startedMs = tsMs;
  its.items = newItems(its, fact.meta.items);
  for (let slots = its.node.spec.max_parallel ?? Infinity; slots > 0 && beginItem(state, its.items); slots--);
  if (fact.meta.items === 0) state.collecting.add(its.node);
}

/** Lets the next invocation into the queue; false where all are in it. */
function beginItem(state: RunState, items: Items): boolean {
  const next = items.states[items.begun];
  if (!next) return false;
  items.begun++;
  state.ready.push(next);
  return true;
}

export function itemEnded(state: RunState, { node, items }: NodeState): void {
  if (!items) return;
  items.ended++;
  if (items.ended === items.states.length) state.collecting.add(node);
  else beginItem(state, items);
}

/** Takes in what the invocations came to; the node, which ends with it. */
export function nodeCollected(must: Premise, fact: FactOf<"node.collected">): NodeState {
  const { meta } = fact;
  must.goesOn(fact);
  const its = must.node(meta.node);
  const { items } = its;
  // What has too many elements ends without a single invocation.
  if (meta.items === 0 && meta.status === "error") must.is(its, fact, "ready");
  else must.is(its, fact, "expanded");
  if (items && (items.ended < items.states.length || items.states.length !== meta.items))
    must.refuse(`node.collected of ${its.node.id}: ${items.ended} of ${items.states.length} invocations have ended`);
  must.state.collecting.delete(its.node);
  its.durationMs = meta.duration_ms;
  its.failure = meta.error ?? null;
  if (meta.status === "error") its.failureLabels = joinLabels(...(items?.states ?? []).map((each) => each.failureLabels));
  else {
    giveOut(its, items?.states.flatMap((each) => each.outputs) ?? []);
    its.outputsHash = meta.outputs_hash;
  }
  return its;
}
