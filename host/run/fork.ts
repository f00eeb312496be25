/** Forks: a new run that begins with what another one had come to. */
import { UsageError } from "#core/errors.js";
import type { NodeId, TraceId } from "#core/ids.js";
import { isJsonObject, type JsonObject } from "#core/json.js";
import { nearest } from "#core/nearest.js";
import { buildGraph } from "#openings/engine/graph.js";
import { dependents } from "#openings/journal/fork.js";
import { usedName } from "#openings/ir.js";
import { editOpening, type Edit } from "#openings/language/edit.js";
import type { Host } from "../host.js";
import { recordedAgent } from "./at-hand.js";
import type { Compiled, RunOptions, RunResult } from "./contract.js";
import { foldersOf, mustStandAlone, openHistory, openingOf, type History } from "./history.js";
import { startRun } from "./start.js";

export interface ForkOptions extends RunOptions {
  /** It, and what depends on it, is executed. */
  readonly from: NodeId;
}

/**
 * What a fork runs: the opening as it was, or as it is edited, compiled with the parameters of that run and those that are given now.
 * Its agents are the very builds of that run where they are at hand, else what goes by their names now, but for those in `agents`.
 */
export interface ForkSource {
  /** Laid over the parameters that the run was started with. */
  readonly params: JsonObject;
  /** An opening's file in the place of the run's own. */
  readonly file?: string | undefined;
  /** Values set in its text. */
  readonly edits?: readonly Edit[];
  /** For the nodes from this one on whose agents ask a model: another model. */
  readonly model?: { readonly name: string; readonly from: NodeId } | undefined;
  /** By name, the folders of other bundles. */
  readonly agents: Readonly<Record<string, string>>;
}

/** Throws `KB_NOT_FOUND` where there is no such run. */
export async function compileFork(host: Host, traceId: TraceId, source: ForkSource): Promise<Compiled> {
  const history = openHistory(await host.ledger(), traceId);
  mustStandAlone(history, "fork");
  await useBundles(host, history, source.agents);
  const compiled = await compileAgain(host, history, source);
  const edits = [...(source.edits ?? []), ...(source.model ? modelEdits(compiled, source.model) : [])];
  return edits.length === 0 ? compiled : edited(host, compiled, edits);
}

async function edited(host: Host, compiled: Compiled, edits: readonly Edit[]): Promise<Compiled> {
  const { file, source } = compiled;
  const text = source && editOpening(Buffer.from(source.bytes).toString("utf8"), edits);
  if (!source || typeof text !== "string")
    throw new UsageError("USAGE", "the opening's text cannot be changed by a flag: it was not recorded, or is not YAML", {
      place: { file },
      hint: "edit a copy of the file and name it with --opening",
    });
  return host.compileText(file, Buffer.from(text), source.params, "run");
}

/** Each node from `from` on whose agent takes a `model`. Throws `USAGE` where there is none. */
function modelEdits({ opening, agents }: Compiled, { name, from }: NonNullable<ForkSource["model"]>): readonly Edit[] {
  if (!opening) return []; // what is wrong with it is told first
  const graph = buildGraph(opening, () => ({}));
  const live = dependents(graph, from);
  const asking = opening.nodes.filter((node) => {
    const properties = agents.get(usedName(node))?.withSchema?.["properties"] ?? null;
    return isJsonObject(properties) && Object.hasOwn(properties, "model") && live.has(graph.node(node.id));
  });
  if (asking.length > 0) return asking.map(({ id }) => ({ path: ["nodes", id, "with", "model"], value: name }));
  throw new UsageError("USAGE", `--model: no node from \`${from}\` on asks a model by name`, {
    hint: "`rlp agent inspect` shows what an agent takes in `with`",
  });
}

/** The builds of a run stand for their names, and those that are given in their place. */
export async function useBundles(host: Host, history: History, agents: Readonly<Record<string, string>>): Promise<void> {
  const { meta: started } = history.started;
  // `agent_dirs` also has those of the openings inside; of those a build that is not the run's is told in their own runs.
  for (const name of Object.keys(started.components)) {
    if (Object.hasOwn(agents, name)) continue;
    const recorded = { started, purpose: "replay", folders: foldersOf(history) } as const;
    // What is wrong with it is told where it is compiled.
    const { dir } = await recordedAgent(host, name, recorded).catch((): { dir?: string } => ({}));
    if (dir !== undefined) host.useBundle(name, dir);
  }
  for (const [name, folder] of Object.entries(agents)) host.useBundle(name, folder);
}

/** The run's opening compiled anew, or another one in its place, with its parameters. */
export async function compileAgain(host: Host, history: History, source: Omit<ForkSource, "agents">): Promise<Compiled> {
  const { source: read, params: merged } = history.started.meta;
  const params = { ...(read ? read.params : merged), ...source.params };
  if (source.file !== undefined) return host.compile(source.file, params, "run");
  if (read) return host.compileText(read.file, history.reader.blob(read.digest), params, "run");
  if (Object.keys(source.params).length > 0)
    throw new UsageError("USAGE_BAD_PARAM", "the run did not record its opening's text, so its parameters cannot be changed", {
      place: { at: history.traceId },
      hint: "name the file with --opening",
    });
  return { file: history.traceId, opening: openingOf(history), diagnostics: [], agents: new Map() };
}

/** Runs what {@link compileFork} gave. Seed and epoch are those of the run it is forked from, unless others are given. */
export async function forkRun(host: Host, traceId: TraceId, compiled: Compiled, options: ForkOptions): Promise<RunResult> {
  const { started } = openHistory(await host.ledger(), traceId);
  const { from, seed = started.meta.seed, epochMs = started.meta.epoch_ms } = options;
  mustHave(compiled, from);
  return startRun(host, compiled, { ...options, seed, epochMs, forkedFrom: { trace: traceId, node: from } });
}

/** Throws `USAGE` where the opening has no such node. */
export function mustHave({ opening }: Pick<Compiled, "opening">, node: string): void {
  const names = (opening?.nodes ?? []).map(({ id }) => id);
  if (!opening || names.includes(node as NodeId)) return;
  const near = nearest(node, names);
  throw new UsageError("USAGE", `the opening has no node \`${node.slice(0, 80)}\``, {
    hint: near === undefined ? `there are: ${names.slice(0, 20).join(", ")}` : `did you mean \`${near}\`?`,
  });
}
