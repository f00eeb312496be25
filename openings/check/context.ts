/** What the checks look at. */
import { nearest } from "#core/nearest.js";
import type { AgentCatalog, AgentInterface, Port, TypeRegistry } from "../agent.js";
import type { Draft, DraftNode } from "../language/draft.js";
import { quoted, type Hint } from "../language/diagnostic.js";
import type { Reporter } from "../language/reporter.js";
import type { InnerOpening, OpeningCatalog } from "../inner.js";
import type { Face } from "./faces.js";

export interface CheckWorld {
  readonly agents: AgentCatalog;
  readonly openings: OpeningCatalog;
  readonly types: TypeRegistry;
}

export interface CheckContext extends CheckWorld {
  readonly report: Reporter;
  readonly draft: Draft;
  /** By id; of two with one id the first. */
  readonly nodes: ReadonlyMap<string, DraftNode>;
  /** Agents of nodes whose agent is known. */
  readonly agentOf: ReadonlyMap<DraftNode, AgentInterface>;
  /** Openings of nodes that use one. */
  readonly innerOf: ReadonlyMap<DraftNode, InnerOpening>;
  /** The ports of either. */
  readonly faceOf: ReadonlyMap<DraftNode, Face>;
}

export function portOf(ports: Readonly<Record<string, Port>>, name: string): Port | undefined {
  return Object.hasOwn(ports, name) ? ports[name] : undefined;
}

const CANDIDATES = 2000;

/** "did you mean `x`?", or the names there are where they are few. Worked out only when it is shown. */
export function nameHint(word: string, names: Iterable<string>, what: string): Hint {
  return () => {
    const candidates = [...names].slice(0, CANDIDATES);
    const near = nearest(word, candidates);
    if (near !== undefined) return `did you mean ${quoted(near)}?`;
    if (candidates.length === 0) return `there are no ${what}`;
    return candidates.length > 12 ? undefined : `the ${what} are ${candidates.map(quoted).join(", ")}`;
  };
}
