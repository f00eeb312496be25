/** An agent as the simulated world plays it: from its interface, what it is said to answer, and the faults that it meets. */
import { hostFailure, joinLabels, type Message } from "#core/values.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { AgentInterface, TypeRegistry } from "../agent.js";
import type { AttemptSpec } from "../engine/world.js";
import { failureOf, faultOf, type Fault } from "./faults.js";
import type { Agent, GuestEnd } from "./guest.js";
import { Random } from "./random.js";
import { valueFor } from "./values.js";

/** What nodes answer, by their paths (`greet/hello`, of an invocation `greet[2]`): by port a value, or a list of messages. */
export type Script = Readonly<Record<string, Scripted>>;
export interface Scripted {
  /** By port, each message on it. */
  readonly outputs?: Readonly<Record<string, readonly Json[]>>;
  readonly fails?: { readonly code: string; readonly retryable: boolean };
  readonly decision?: "approved" | "rejected";
}

export interface Playing {
  readonly agentOf: (name: string) => AgentInterface | undefined;
  readonly types: TypeRegistry;
  readonly script: Script;
  readonly faults: readonly Fault[];
}

/** Everything that an attempt does is drawn from its own seed, so that it does the same when it is executed again. */
export const drawn = ({ seed }: Pick<AttemptSpec, "seed">): Random => new Random(parseInt(seed.slice(0, 8), 16));

/** An invocation answers as it is said for itself, or for its node. */
export function scripted(script: Script, path: string): Scripted | undefined {
  return script[path] ?? script[path.replace(/\[[^\]]*\]$/, "")];
}

const MODEL_TOKENS = { worst: 2000, used: 400 };

export function actor(playing: Playing, path: string): Agent {
  return async (guest): Promise<GuestEnd> => {
    const { spec } = guest;
    const random = drawn(spec);
    const fault = faultOf(random, playing.faults);
    const agent = playing.agentOf(spec.agent);
    const said = scripted(playing.script, path);
    guest.burn(1 + random.below(1_000_000));
    await guest.work(random.below(50) * (fault === "slow" ? 100 : 1));
    if (fault === "timeout") {
      const most = spec.timeoutMs ?? agent?.limits.wall_ms ?? 60_000;
      await guest.work(most + 1);
      return { error: hostFailure("host.timeout", "a simulated attempt that never ends") };
    }
    if (agent && agent.grant.model !== false) {
      const answer = await guest.call("model", [spec.seed], {
        spends: MODEL_TOKENS,
        ...(fault === "provider" && { answer: { err: { code: "unavailable" } } }),
      });
      const refused = isJsonObject(answer) && isJsonObject(answer["err"]) ? answer["err"]["code"] : null;
      if (refused === "budget-exhausted") return { error: hostFailure("host.budget-exhausted", "no tokens are left") };
      if (refused !== null) return { error: { code: "provider", message: "the model did not answer", retryable: true } };
    }
    if (agent && agent.grant.actions.length > 0) {
      const decision = await guest.propose({ action: agent.grant.actions[0] ?? "" });
      if (decision === "rejected") return { error: hostFailure("host.rejected", "the action was turned down") };
      await guest.call("action", [spec.seed], { effect: true });
    }
    const failure = failureOf(fault) ?? (said?.fails && { ...said.fails, message: "as the answers say" });
    if (failure) return { error: failure };
    const labels = joinLabels(...spec.inputs.map((input) => input.labels));
    return { ok: outputsOf(playing, agent, said, random).map((message): Message => ({ ...message, labels })) };
  };
}

/** What a person is said to answer; a `reject` fault turns it down. */
export function decisionOf(playing: Playing, path: string, spec: AttemptSpec): "approved" | "rejected" {
  if (faultOf(drawn(spec), playing.faults) === "reject") return "rejected";
  return scripted(playing.script, path)?.decision ?? "approved";
}

function outputsOf(
  { types }: Playing,
  agent: AgentInterface | undefined,
  said: Scripted | undefined,
  random: Random,
): readonly Omit<Message, "labels">[] {
  const ports = Object.entries(agent?.outputs ?? {});
  if (said?.outputs) {
    const typeOf = new Map(ports.map(([name, port]) => [name, port.types[0] ?? "any"]));
    return Object.entries(said.outputs).flatMap(([port, bodies]) =>
      bodies.map((body) => ({ port, type: typeOf.get(port) ?? "any", body })),
    );
  }
  return ports.map(
    ([
      port,
      {
        types: [type = "any"],
      },
    ]) => ({ port, type, body: valueFor(schemaOf(type, types, agent), random) }),
  );
}

function schemaOf(type: string, types: TypeRegistry, agent: AgentInterface | undefined): JsonObject {
  return agent?.schemas[type] ?? types.get(type) ?? {};
}
