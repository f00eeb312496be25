/** From bytes to an opening that may run, or to everything that is wrong with it. */
import type { NodeId } from "#core/ids.js";
import type { JsonObject } from "#core/json.js";
import type { AgentCatalog, TypeRegistry } from "../agent.js";
import { checkDraft } from "../check/check.js";
import type { Opening } from "../ir.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Draft } from "./draft.js";
import { unsupported } from "./fields.js";
import { readOpening } from "./read-opening.js";
import { Reporter } from "./reporter.js";
import { decodeSource } from "./source.js";
import { buildTree } from "./tree.js";
import { parseYaml } from "./yaml.js";

export interface CompileWorld {
  readonly agents: AgentCatalog;
  readonly types: TypeRegistry;
  /** The caller's parameters, merged over the file's (maps key by key, everything else replaced). */
  readonly params: JsonObject;
  /** What holds where the file's policy says nothing. */
  readonly defaults: { readonly confirm_external: boolean };
}

/** An opening as far as it can be read without knowing any agent. */
export interface ReadOpening {
  /** Agents that it names, as `use` has them; each once, in the order of the file. */
  readonly uses: readonly { readonly agent: string; readonly variant: string | null }[];
  /** Once: what is found is added to what was found in reading. */
  check(world: Pick<CompileWorld, "agents" | "types">): {
    readonly opening: Opening | null;
    readonly diagnostics: readonly Diagnostic[];
  };
}

/** The first half of {@link compileOpening}, for those who have to fetch the agents that it names. */
export function readSource(
  source: { readonly file: string; readonly bytes: Uint8Array },
  world: Pick<CompileWorld, "params" | "defaults">,
): ReadOpening {
  const decoded = decodeSource(source.file, source.bytes);
  const report = new Reporter(decoded.source);
  for (const fault of decoded.faults) report.add(fault);
  const draft = report.hasErrors ? null : read(report, world);
  const uses = new Map(
    (draft?.nodes ?? []).flatMap(({ use }) =>
      use ? [[`${use.value.agent}@${use.value.variant ?? ""}`, use.value] as const] : [],
    ),
  );
  return {
    uses: [...uses.values()],
    check(agents) {
      if (draft) checkDraft(report, draft, { ...world, ...agents });
      const opening = draft && !report.hasErrors ? assemble(draft) : null;
      return { opening, diagnostics: report.diagnostics() };
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
): { readonly opening: Opening | null; readonly diagnostics: readonly Diagnostic[] } {
  return readSource(source, world).check(world);
}

function read(report: Reporter, world: Pick<CompileWorld, "params" | "defaults">): Draft | null {
  const brace = /^(?:\s|#[^\n]*\n|\/\/[^\n]*\n)*?opening[ \t]*"/.exec(report.source.text.slice(0, 4096));
  if (brace) {
    unsupported(report, { start: brace[0].length - 1, end: brace[0].length }, "the brace form");
    return null;
  }
  const contents = parseYaml(report);
  return contents ? readOpening(report, buildTree(contents, report), world) : null;
}

/** A draft without errors has everything that is null elsewhere. */
function assemble(draft: Draft): Opening | null {
  if (draft.name === null) return null;
  const { name, goals, params, policy, success, save } = draft;
  return {
    version: 0,
    name,
    goals,
    params,
    policy,
    nodes: draft.nodes.map((node) => ({
      id: node.id as NodeId,
      agent: node.use?.value.agent ?? "",
      variant: node.use?.value.variant ?? null,
      with: node.with.value ?? {},
      retry: node.retry,
      timeout_ms: node.timeout_ms,
      budget_tokens: node.budget_tokens?.value ?? null,
      tags: node.tags,
      ...(node.caps && { caps: node.caps.value }),
    })),
    edges: draft.edges.flatMap(({ from, to }) =>
      from && to ? [{ from: from.ref, to: to.ref, guard: from.guard?.value ?? null }] : [],
    ),
    success: success && { mode: success.mode, of: success.of.map(({ expression }) => expression) },
    artifacts: { save: save.map(({ ref }) => ref) },
  };
}
