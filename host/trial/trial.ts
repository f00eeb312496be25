/**
 * One case of an agent's own tests: the admitted component in a real sandbox process, behind its real grant, with scripted answers
 * in the place of the host's.
 */
import { newTraceId, type NodeId } from "#core/ids.js";
import { canonicalJson, type Json } from "#core/json.js";
import type { Failure, Message } from "#core/values.js";
import type { AgentInterface, TypeRegistry } from "#openings/agent.js";
import { nothingRecorded, type AttemptEnd, type AttemptSpec } from "#openings/engine/world.js";
import { inputsHash } from "#openings/journal/hash.js";
import { attemptSeed } from "#openings/journal/seed.js";
import { misfits } from "#openings/types/schema.js";
import type { Sandbox } from "../component/contract.js";
import { clockFunctions } from "../imports/clock.js";
import { AgentExecutor, type LoadedAgent } from "../run/executor.js";
import { realClock } from "../run/session.js";
import type { TrialCase } from "./case.js";
import { differences } from "./difference.js";
import { trialFiles, type TrialFiles } from "./files.js";
import { TrialJournal } from "./journal.js";
import { script } from "./script.js";

export interface TrialResult {
  readonly file: string;
  readonly name: string;
  /** One line each; empty: the case passes. */
  readonly differences: readonly string[];
  readonly fuel: number;
}

export async function runCase(
  agent: LoadedAgent,
  trial: TrialCase,
  world: { readonly sandbox: Sandbox; readonly types: TypeRegistry },
): Promise<TrialResult> {
  const unfit = faultsOf(trial, agent.face);
  if (unfit.length > 0) return { file: trial.file, name: trial.name, differences: unfit, fuel: 0 };
  const scripted = script(trial.answers);
  const files = trialFiles(agent.grant, trial.files);
  const traceId = newTraceId();
  const node = agent.face.name as NodeId;
  const executor = new AgentExecutor({
    traceId,
    agentOf: () => agent,
    types: world.types,
    sandbox: world.sandbox,
    journal: new TrialJournal(traceId),
    clock: realClock,
    functions: new Map([...scripted.functions, ...files.functions, ...clockFunctions(() => trial.epoch_ms)]),
  });
  const inputs = messagesOf(trial, agent.face);
  const spec: AttemptSpec = {
    node,
    agent: agent.face.name,
    attempt: trial.attempt,
    with: trial.with,
    inputs,
    inputsHash: inputsHash(inputs, trial.with),
    seed: attemptSeed(trial.seed, node, trial.attempt, "attempt"),
    epochMs: trial.epoch_ms,
    state: trial.state,
    timeoutMs: null,
    opening: null,
    recorded: nothingRecorded,
  };
  const end = await executor.execute(spec, new AbortController().signal);
  return {
    file: trial.file,
    name: trial.name,
    differences: [...scripted.faults(), ...unexpected(trial, end), ...filesAmiss(trial, files)],
    fuel: end.status === "parked" ? 0 : end.fuel,
  };
}

function filesAmiss({ expect }: TrialCase, files: TrialFiles): readonly string[] {
  const strays = files.strays.map((path) => `files/${path}: no directory of the policy holds it`);
  return expect.files ? [...strays, ...prefixed("files", differences(expect.files, files.left()))] : strays;
}

/** What no run would ever give the agent: the case itself is wrong. */
function faultsOf(trial: TrialCase, face: AgentInterface): readonly string[] {
  const ports = [...Object.keys(trial.inputs), ...trial.messages.map(({ port }) => port)];
  const strays = [...new Set(ports)].filter((port) => !Object.hasOwn(face.inputs, port));
  const misfit = face.withSchema && misfits(face.withSchema, trial.with)[0];
  return [
    ...strays.map((port) => `inputs/${port}: the agent has no such input`),
    ...(misfit ? [`with${misfit.pointer}: ${misfit.message}`] : []),
    ...(face.withSchema === null ? Object.keys(trial.with).map((key) => `with/${key}: the manifest has no [schemas.with]`) : []),
  ];
}

function messagesOf(trial: TrialCase, face: AgentInterface): readonly Message[] {
  const message = (port: string, type: string | undefined, body: Json, labels: readonly string[]): Message => {
    const first = face.inputs[port]?.types[0];
    return { port, type: type ?? (first === undefined || first === "any" ? "json.v1" : first), body, labels: [...labels].sort() };
  };
  return [
    ...Object.entries(trial.inputs).map(([port, body]) => message(port, undefined, body, [])),
    ...trial.messages.map(({ port, type, body, labels }) => message(port, type, body, labels)),
  ];
}

function unexpected({ expect }: TrialCase, end: AttemptEnd): readonly string[] {
  if (end.status === "parked" || end.status === "cancelled") return [`the attempt ended ${end.status}`];
  const state = expect.state ? prefixed("state", differences(expect.state, end.state)) : [];
  if (end.status === "error") {
    if (!expect.failure) return [`failed with ${failureText(end.failure)}`, ...state];
    const given = Object.keys(expect.failure) as (keyof Failure)[];
    const got = Object.fromEntries(given.map((key) => [key, end.failure[key]]));
    return [...prefixed("failure", differences(expect.failure as Json, got)), ...state];
  }
  if (expect.failure)
    return [`failure: expected ${canonicalJson(expect.failure)}, got ${canonicalJson(bodies(end.outputs))}`, ...state];
  if (expect.ports) return [...prefixed("ports", differences(expect.ports, bodies(end.outputs))), ...state];
  const expected = expect.messages ?? [];
  const got = end.outputs.map(({ port, type, body }, index) => ({
    port,
    ...(expected[index]?.type !== undefined && { type }),
    body,
  }));
  return [...prefixed("messages", differences(expected as unknown as Json, got)), ...state];
}

const prefixed = (what: string, lines: readonly string[]): string[] => lines.map((line) => `${what}${line}`);

const failureText = ({ code, message }: Failure): string => `\`${code}\`: ${message}`;

/** By port; a port with several messages has a list of their bodies under `port[]`, which no expected single value equals. */
function bodies(outputs: readonly Message[]): Record<string, Json> {
  const ports = [...new Set(outputs.map(({ port }) => port))];
  return Object.fromEntries(
    ports.map((port) => {
      const all = outputs.filter((output) => output.port === port).map(({ body }) => body);
      return all.length === 1 ? [port, all[0] as Json] : [`${port}[]`, all];
    }),
  );
}
