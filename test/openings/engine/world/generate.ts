/** Generated openings and agents. All that an agent does follows from its profile, its inputs and its seed. */
import { jsonDigest, type Json } from "#core/json.js";
import type { Graph } from "#openings/engine/graph.js";
import { fails, gives, type Agent, type GuestEnd } from "./guest.js";
import { once, port, sketch, type Inputs, type Sketch } from "./opening.js";
import { Random } from "./random.js";

export interface Profile {
  readonly kind: "ok" | "fails" | "flaky" | "asks";
  /** A flaky one works from this attempt on. */
  readonly until: number;
  readonly calls: number;
  readonly effect: boolean;
  readonly logs: number;
  /** Messages on `out`. */
  readonly messages: number;
  readonly big: boolean;
  readonly approved: boolean;
}

export interface Case {
  readonly graph: Graph;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly runSeed: number;
  readonly maxParallel: number;
}

export function generate(seed: number): Case {
  const random = new Random(seed);
  const ids = Array.from({ length: 1 + random.below(6) }, (_, i) => `n${i}`);
  const order = random.shuffle(ids); // edges go forward in this order, which is not the file's
  const edges = Array.from({ length: ids.length < 2 ? 0 : random.below(ids.length * 2) }, () => {
    const from = random.below(order.length - 1);
    const to = from + 1 + random.below(order.length - from - 1);
    const source = random.pick(["out", "out", "out", "none", "ok==true", "ok==false", "n>=3", "ok"]);
    return `${order[from]}.${source} -> ${order[to]}.${random.pick(["in", "in", "extra"])}`;
  });
  const nodes: Record<string, Sketch["nodes"][string]> = {};
  const profiles = new Map<string, Profile>();
  for (const id of ids) {
    const inputs: Inputs = { in: port(random.chance(0.4)), extra: port(false) };
    const fed = edges.some((edge) => edge.endsWith(` -> ${id}.in`) && !/[=>]/.test(edge.split(" -> ")[0] ?? ""));
    const given = !fed && random.chance(0.8);
    nodes[id] = { inputs, with: given ? { in: { from: id } } : {}, retry: { ...once, max_attempts: 1 + random.below(3) } };
    profiles.set(id, {
      kind: random.pick(["ok", "ok", "ok", "ok", "fails", "flaky", "flaky", "asks"]),
      until: 2 + random.below(2),
      calls: random.below(3),
      effect: random.chance(0.5),
      logs: random.below(2),
      messages: random.pick([0, 1, 1, 1, 2]),
      big: random.chance(0.15),
      approved: random.chance(0.7),
    });
  }
  const ref = () => `${random.pick(ids)}.${random.pick(["out", "ok", "none"])}`;
  const success = random.chance(0.5) && {
    mode: random.pick(["any_of", "all_of"] as const),
    of: [`exists(${ref()})`, `${random.pick(ids)}.n>2`],
  };
  const graph = sketch({
    nodes,
    edges,
    policy: { max_parallel: random.pick([null, 1, 2]) },
    ...(success && { success }),
    save: random.chance(0.4) ? [ref(), ref()] : [],
  });
  return { graph, profiles, runSeed: random.below(1e9), maxParallel: random.pick([1, 2, 3, 100]) };
}

/** What an attempt ends with, apart from calls that go wrong. */
export function result(profile: Profile, seen: Json, attempt: number, tries: number, approved: boolean): GuestEnd {
  const state = { tries: tries + 1 };
  if (profile.kind === "fails") return fails("broken", false, state);
  if (profile.kind === "flaky" && attempt < profile.until) return fails("flaky", true, state);
  if (profile.kind === "asks" && !approved) return fails("turned-down", false, state);
  const digest = jsonDigest(seen);
  const padding = profile.big ? "x".repeat(5000) : "";
  const out = Array.from({ length: profile.messages }, (_, i) => ({ digest, i, tries, padding }));
  const number = parseInt(digest.slice(0, 2), 16);
  return gives({ out, ok: number % 2 === 0, n: number % 7 }, state);
}

export function agentOf(profile: Profile): Agent {
  return async (guest) => {
    await guest.work();
    const answers: Json[] = [];
    for (let i = 0; i < profile.logs; i++) guest.log(`line ${i}`);
    for (let i = 0; i < profile.calls; i++) answers.push(await guest.call("ask", [guest.spec.seed, i], profile.effect));
    const approved = profile.kind !== "asks" || (await guest.propose({ node: guest.spec.node })) === "approved";
    if (profile.logs > 0) guest.log("done");
    await guest.work();
    const bodies = guest.spec.inputs.map(({ port, type, body }) => [port, type, body]);
    const seen = [bodies, guest.spec.with, guest.spec.seed, answers];
    return result(profile, seen as Json, guest.spec.attempt, Number(guest.spec.state["tries"] ?? 0), approved);
  };
}
