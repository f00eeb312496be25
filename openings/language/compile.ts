/** From bytes to an opening that may run, or to everything that is wrong with it. */
import type { NodeId } from "#core/ids.js";
import type { JsonObject } from "#core/json.js";
import type { AgentCatalog, TypeRegistry } from "../agent.js";
import { checkDraft } from "../check/check.js";
import type { CheckContext } from "../check/context.js";
import { checkSupplied, innerView } from "../check/inner.js";
import { noOpenings, type InnerOpening, type OpeningCatalog } from "../inner.js";
import type { Opening, OpeningNode } from "../ir.js";
import { isBrace, parseBrace } from "./brace/parse.js";
import type { Diagnostic } from "./diagnostic.js";
import { handedIn, type Draft, type DraftNode, type Used } from "./draft.js";
import { openingLimits } from "./limits.js";
import { readOpening } from "./read-opening.js";
import { Reporter } from "./reporter.js";
import { decodeSource } from "./source.js";
import type { Tree } from "./tree.js";
import { yamlTree } from "./yaml-tree.js";
import { parseYaml } from "./yaml.js";

export interface CompileWorld {
  readonly agents: AgentCatalog;
  readonly types: TypeRegistry;
  /** Default: there are no other openings. */
  readonly openings?: OpeningCatalog;
  /** The caller's parameters, merged over the file's (maps key by key, everything else replaced). One that is named like an input is its value. */
  readonly params: JsonObject;
  /** What holds where the file's policy says nothing. */
  readonly defaults: { readonly confirm_external: boolean };
  /** `run`: it stands by itself, and what its inputs need must have come with the parameters. Default: others may hand that in later. */
  readonly purpose?: "run" | "check";
}

/** An opening as far as it can be read without knowing any agent. */
export interface ReadOpening {
  /** Agents that it names, as `use` has them; each once, in the order of the file. */
  readonly uses: readonly { readonly agent: string; readonly variant: string | null }[];
  /** Other openings that it names, each with what the node hands in. */
  readonly inner: readonly { readonly name: string; readonly given: JsonObject }[];
  /** Once: what is found is added to what was found in reading. */
  check(world: Pick<CompileWorld, "agents" | "types" | "openings" | "purpose">): CheckedOpening;
}

export interface CheckedOpening {
  /** null if and only if a diagnostic is an error. */
  readonly opening: Opening | null;
  readonly diagnostics: readonly Diagnostic[];
  /** The opening as another one sees it. */
  readonly face: InnerOpening | null;
}

/** The first half of {@link compileOpening}, for those who have to fetch what it names. */
export function readSource(
  source: { readonly file: string; readonly bytes: Uint8Array },
  world: Pick<CompileWorld, "params" | "defaults">,
): ReadOpening {
  const decoded = decodeSource(source.file, source.bytes);
  const report = new Reporter(decoded.source);
  for (const fault of decoded.faults) report.add(fault);
  const draft = report.hasErrors ? null : read(report, world);
  const uses = new Map<string, { agent: string; variant: string | null }>();
  const inner: { name: string; given: JsonObject }[] = [];
  for (const node of draft?.nodes ?? []) {
    const { use } = node;
    if (use?.value.opening !== undefined) inner.push({ name: use.value.opening, given: handedIn(node) });
    else if (use) uses.set(`${use.value.agent}@${use.value.variant ?? ""}`, use.value);
  }
  return {
    uses: [...uses.values()],
    inner,
    check({ agents, types, openings = noOpenings, purpose = "check" }) {
      const context = draft && checkDraft(report, draft, { agents, types, openings });
      if (draft && purpose === "run") checkSupplied(report, draft);
      const opening = context && !report.hasErrors ? assemble(context) : null;
      return { opening, diagnostics: report.diagnostics(), face: context && opening ? innerView(context, opening) : null };
    },
  };
}

/**
 * Reads, fills in and checks an opening. `opening` is null if and only if a diagnostic is an error. Never throws for anything that
 * stands in the file; the diagnostics are in the order of the file, at most `openingLimits.diagnostics` and one that counts the rest.
 */
export function compileOpening(
  source: { readonly file: string; readonly bytes: Uint8Array },
  world: CompileWorld,
): CheckedOpening {
  return readSource(source, world).check(world);
}

function read(report: Reporter, world: Pick<CompileWorld, "params" | "defaults">): Draft | null {
  const tree = readTree(report);
  return tree ? readOpening(report, tree, world) : null;
}

/** The file in whichever form it is written; undefined, and reported, where its text is of neither. */
export function readTree(report: Reporter): Tree | undefined {
  if (isBrace(report.source.text)) return parseBrace(report)?.tree;
  const contents = parseYaml(report);
  return contents && yamlTree(contents, report);
}

/** A draft without errors has everything that is null elsewhere. */
function assemble(context: CheckContext): Opening | null {
  const { draft } = context;
  if (draft.name === null) return null;
  const { name, goals, params, policy, success, save, inputs, outputs } = draft;
  const size = [...context.innerOf.values()].reduce((sum, { opening }) => sum + countNodes(opening), draft.nodes.length);
  if (size > openingLimits.nodes) {
    context.report.error(
      "OPENING_TOO_LARGE",
      draft.nameSpan,
      `with the openings that it uses this one has ${size} nodes; ${openingLimits.nodes} are the limit`,
    );
    return null;
  }
  return {
    version: 0,
    name,
    goals,
    ...(inputs && {
      inputs: mapped(inputs, ({ type, required, value }) => ({ type, required, ...(value !== undefined && { value }) })),
    }),
    ...(outputs && { outputs: mapped(outputs, ({ ref }) => ref) }),
    params,
    policy,
    nodes: draft.nodes.map((node) => assembleNode(context, node)),
    edges: draft.edges.flatMap(({ from, to }) =>
      from && to ? [{ from: from.ref, to: to.ref, guard: from.guard?.value ?? null }] : [],
    ),
    success: success && { mode: success.mode, of: success.of.map(({ expression }) => expression) },
    artifacts: { save: save.map(({ ref }) => ref) },
  };
}

function assembleNode({ innerOf, draft }: CheckContext, node: DraftNode): OpeningNode {
  const { use, budgets, for_each: each, on_error: recovery } = node;
  const inner = innerOf.get(node);
  return {
    id: node.id as NodeId,
    ...named(use?.value),
    ...(inner && { opening: asInner(inner.opening, draft.policy.confirm_external) }),
    with: node.with.value ?? {},
    retry: node.retry,
    timeout_ms: node.timeout_ms,
    budget_tokens: budgets.tokens?.value ?? null,
    ...(budgets.microusd && { budget_microusd: budgets.microusd.value }),
    ...(budgets.fuel && { budget_fuel: budgets.fuel.value }),
    tags: node.tags,
    ...(node.caps && { caps: node.caps.value }),
    ...(each && { for_each: each.value }),
    ...(node.max_parallel !== null && { max_parallel: node.max_parallel }),
    ...(recovery && { on_error: recovery.value as NodeId }),
  };
}

function named(used: Used | undefined): Pick<OpeningNode, "agent" | "variant"> {
  if (!used) return { agent: "", variant: null };
  return used.opening === undefined ? { agent: used.agent, variant: used.variant } : { agent: used.opening, variant: null };
}

/** As it is used: its inputs come with each run, not with the opening. */
function asInner(opening: Opening, confirm: boolean): Opening {
  const { inputs } = opening;
  const bare = inputs ? { ...opening, inputs: mapped(inputs, ({ type, required }) => ({ type, required })) } : opening;
  return asStrict(bare, confirm);
}

/** Where an opening asks a person, so does every opening inside of it. */
function asStrict(opening: Opening, confirm: boolean): Opening {
  if (!confirm) return opening;
  return {
    ...opening,
    policy: { ...opening.policy, confirm_external: true },
    nodes: opening.nodes.map((node) => (node.opening ? { ...node, opening: asStrict(node.opening, true) } : node)),
  };
}

const countNodes = (opening: Opening): number =>
  opening.nodes.reduce((sum, { opening: inner }) => sum + (inner ? countNodes(inner) : 0), opening.nodes.length);

function mapped<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
