/** Generated openings of the whole language, and their agents. All that an agent does follows from its profile, its inputs and its seed. */
import { isJsonObject, jsonDigest, type Json, type JsonObject } from "#core/json.js";
import { hostFailure } from "#core/values.js";
import type { NodeId } from "#core/ids.js";
import type { Port } from "#openings/agent.js";
import { buildGraph, type Graph } from "#openings/engine/graph.js";
import type { Opening, OpeningNode } from "#openings/ir.js";
import { fails, gives } from "#openings/sim/ends.js";
import type { Agent, GuestEnd } from "#openings/sim/guest.js";
import { Random } from "#openings/sim/random.js";
import type { PortsOf } from "#openings/sim/run.js";
import { once, opening, port, type Inputs, type Sketch } from "./opening.js";

export interface Profile {
  readonly kind: "ok" | "fails" | "flaky" | "moody" | "asks" | "traps" | "slow" | "mistyped";
  /** A flaky one works from this attempt on. */
  readonly until: number;
  readonly calls: number;
  readonly effect: boolean;
  /** Of every fourth call, the provider's fault. */
  readonly faulty: boolean;
  readonly logs: number;
  /** Messages on `out`, and elements of the list on `list`. */
  readonly messages: number;
  readonly elements: number;
  readonly big: boolean;
  readonly approved: boolean;
  /** Of what it proposes; null: never. */
  readonly expiryMs: number | null;
}

export interface Case {
  readonly graph: Graph;
  readonly portsOf: PortsOf;
  /** By the agents' names, which no two nodes share. */
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly runSeed: number;
  readonly maxParallel: number;
}

export interface Shape {
  /** Openings inside of openings, at most. */
  readonly depth: number;
  readonly policy?: (random: Random) => Partial<Opening["policy"]>;
  readonly node?: (random: Random) => Partial<OpeningNode>;
  readonly expiryMs?: (random: Random) => number | null;
}

export function generate(seed: number, shape: Shape = { depth: 2 }): Case {
  const random = new Random(seed);
  const profiles = new Map<string, Profile>();
  const ports = new Map<string, Inputs>();
  const portsOf: PortsOf = ({ agent }) => ports.get(agent) ?? {};
  const made = new Maker(random, shape, profiles, ports).opening("w", shape.depth, 6);
  const graph = buildGraph(made, portsOf);
  return { graph, portsOf, profiles, runSeed: random.below(1e9), maxParallel: random.pick([1, 2, 3, 100]) };
}

const INPUT_PORTS = ["extra", "in"];

class Maker {
  constructor(
    private readonly random: Random,
    private readonly shape: Shape,
    private readonly profiles: Map<string, Profile>,
    private readonly ports: Map<string, Inputs>,
  ) {}

  /** `inner`: one that another opening uses. */
  opening(name: string, depth: number, most: number, inner?: { readonly error: boolean }): Opening {
    const { random } = this;
    const ids = Array.from({ length: 1 + random.below(most) }, (_, i) => `n${i}`);
    const order = random.shuffle(ids); // edges go forward in this order, which is not the file's
    const edges = this.#edges(order);
    const recovering = this.#recovery(order);
    if (inner)
      for (const input of [...INPUT_PORTS, ...(inner.error ? ["error"] : [])])
        if (random.chance(0.7))
          edges.splice(
            random.below(edges.length + 1),
            0,
            `inputs.${input} -> ${random.pick(ids)}.${random.pick(["in", "extra"])}`,
          );
    const nodes: Record<string, Sketch["nodes"][string]> = {};
    for (const id of ids) {
      const recovers = [...recovering.values()].includes(id);
      const fed = edges.some((edge) => edge.endsWith(` -> ${id}.in`) && !/[=>]/.test(edge.split(" -> ")[0] ?? ""));
      nodes[id] = {
        ...this.#node(`${name}_${id}`, depth, { fed, recovers }),
        ...(recovering.has(id) && { on_error: recovering.get(id) as NodeId }),
      };
    }
    const ref = () => `${random.pick(ids)}.${random.pick(["out", "ok", "none", "list"])}`;
    return opening({
      name,
      nodes,
      edges,
      policy: { max_parallel: random.pick([null, null, 1, 2]), ...this.shape.policy?.(random) },
      ...(random.chance(inner ? 0.25 : 0.5) && {
        success: { mode: random.pick(["any_of", "all_of"] as const), of: [`exists(${ref()})`, `${random.pick(ids)}.n>2`] },
      }),
      save: random.chance(0.3) ? [ref(), ref()] : [],
      ...(inner && {
        inputs: Object.fromEntries(
          [...INPUT_PORTS, ...(inner.error ? ["error"] : [])].map((each) => [each, { type: "any", required: false }]),
        ),
        outputs: { out: ref(), ok: `${random.pick(ids)}.ok`, list: `${random.pick(ids)}.list` },
      }),
    });
  }

  #edges(order: readonly string[]): string[] {
    const { random } = this;
    return Array.from({ length: order.length < 2 ? 0 : random.below(order.length * 2) }, () => {
      const [from, to] = this.#forward(order);
      const source = random.pick(["out", "out", "out", "list", "none", "ok==true", "ok==false", "n>=3", "ok"]);
      return `${from}.${source} -> ${to}.${random.pick(["in", "in", "extra"])}`;
    });
  }

  #forward(order: readonly string[]): readonly [string, string] {
    const from = this.random.below(order.length - 1);
    const to = from + 1 + this.random.below(order.length - from - 1);
    return [order[from] as string, order[to] as string];
  }

  /** Who is recovered by whom: chains and shared recovering nodes come about by themselves. */
  #recovery(order: readonly string[]): ReadonlyMap<string, string> {
    const { random } = this;
    const count = order.length < 2 ? 0 : random.pick([0, 0, 1, 1, 2, 3]);
    return new Map(Array.from({ length: count }, () => this.#forward(order)));
  }

  #node(
    agent: string,
    depth: number,
    { fed, recovers }: { readonly fed: boolean; readonly recovers: boolean },
  ): Sketch["nodes"][string] {
    const { random } = this;
    const retry = { ...once, max_attempts: 1 + random.below(3) };
    const each = random.chance(0.25);
    const given = !fed && random.chance(0.8);
    const value: Json = each ? Array.from({ length: random.below(4) }, (_, i) => ({ from: agent, i })) : { from: agent };
    const common = {
      agent,
      with: given ? { in: value } : {},
      retry,
      ...(each && { for_each: "in", ...(random.chance(0.5) && { max_parallel: 1 + random.below(2) }) }),
      ...this.shape.node?.(random),
    };
    if (depth > 0 && random.chance(0.2)) {
      const inner = this.opening(`${agent}_i`, depth - 1, 3, { error: recovers });
      return { ...common, opening: inner };
    }
    const types = random.pick([["any"], ["any"], ["number.v1", "any"]]);
    const error: Record<string, Port> = recovers ? { error: port(random.chance(0.5), ["node.error.v1", "any"]) } : {};
    this.ports.set(agent, { in: port(random.chance(0.4), types), extra: port(false), ...error });
    const profile = this.#profile();
    this.profiles.set(agent, profile);
    return { ...common, ...(profile.kind === "slow" && { timeout_ms: 5000 }) };
  }

  #profile(): Profile {
    const { random } = this;
    return {
      kind: random.pick([
        "ok",
        "ok",
        "ok",
        "ok",
        "ok",
        "fails",
        "flaky",
        "flaky",
        "moody",
        "moody",
        "asks",
        "asks",
        "traps",
        "slow",
        "mistyped",
      ]),
      until: 2 + random.below(2),
      calls: random.below(3),
      effect: random.chance(0.5),
      faulty: random.chance(0.3),
      logs: random.below(2),
      messages: random.pick([0, 1, 1, 1, 2]),
      elements: random.pick([0, 1, 2, 3]),
      big: random.chance(0.1),
      approved: random.chance(0.7),
      expiryMs: this.shape.expiryMs?.(random) ?? null,
    };
  }
}

/** What an attempt ends with, apart from calls that go wrong and time that runs out. */
export function result(profile: Profile, seen: Json, attempt: number, tries: number, approved: boolean): GuestEnd {
  const state: JsonObject = { tries: tries + 1 };
  const digest = jsonDigest(seen);
  const number = parseInt(digest.slice(0, 2), 16);
  const { kind } = profile;
  if (kind === "fails") return fails("broken", false, state);
  if (kind === "flaky" && attempt < profile.until) return fails("flaky", true, state);
  if (kind === "moody" && number % 3 === 0) return fails("moody", number % 2 === 0, state);
  if (kind === "traps" && number % 2 === 0) return { error: hostFailure("host.trap", `unreachable at ${number}`), state };
  if (kind === "mistyped" && number % 2 === 0) return { error: hostFailure("host.type", "out does not fit"), state };
  if (kind === "asks" && !approved) return fails("turned-down", false, state);
  const padding = profile.big ? "x".repeat(5000) : "";
  const out = Array.from({ length: profile.messages }, (_, i) => ({ digest, i, tries, padding }));
  const list = Array.from({ length: profile.elements }, (_, i) => (number % 2 ? i : { digest: digest.slice(0, 8), i }));
  return gives({ out, list: [list], ok: number % 2 === 0, n: number % 7 }, state);
}

/** The host's wording of a failure is not what anything may depend on, wherever the failure is handed. */
export function seenBody(body: Json): Json {
  if (!isJsonObject(body) || !isJsonObject(body["reason"])) return body;
  const { node, reason, attempts } = body;
  const { code, retryable } = reason;
  return [node ?? null, code ?? null, retryable ?? null, attempts ?? null];
}

export const fault = { err: { code: "provider-error" } };
export const isFaulty = (profile: Profile, node: string, call: number): boolean =>
  profile.faulty && (node.length + call) % 4 === 0;

const spends = { worst: 40, used: 5, microusd: { worst: 900, used: 120 } };

export function agentOf(profile: Profile): Agent {
  return async (guest) => {
    await guest.work();
    const { node } = guest.spec;
    const answers: Json[] = [];
    for (let i = 0; i < profile.logs; i++) guest.log(`line ${i}`);
    for (let i = 0; i < profile.calls; i++) {
      const answer = isFaulty(profile, node, i) ? { answer: fault } : {};
      answers.push(await guest.call("ask", [guest.spec.seed, i], { effect: profile.effect, spends, ...answer }));
    }
    const approved = profile.kind !== "asks" || (await guest.propose({ node }, profile.expiryMs)) === "approved";
    if (profile.logs > 0) guest.log("done");
    await guest.work(profile.kind === "slow" ? 60_000 : undefined);
    const bodies = guest.spec.inputs.map(({ port, type, body }) => [port, type, seenBody(body)]);
    const seen = [bodies, guest.spec.with, guest.spec.seed, answers];
    return result(profile, seen as Json, guest.spec.attempt, Number(guest.spec.state["tries"] ?? 0), approved);
  };
}
