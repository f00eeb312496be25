/** What each node uses, an agent or another opening, seen from outside: its ports. */
import { visibleLine } from "#core/visible.js";
import type { JsonObject } from "#core/json.js";
import type { AgentInterface, Port } from "../agent.js";
import type { InnerOpening, OpeningCatalog } from "../inner.js";
import { quoted } from "../language/diagnostic.js";
import { handedIn, type Draft, type DraftNode } from "../language/draft.js";
import type { Reporter } from "../language/reporter.js";
import { nameHint } from "./context.js";

export interface Face {
  /** For messages: `agent writer`, `opening review`. */
  readonly what: string;
  readonly inputs: Readonly<Record<string, Port>>;
  readonly outputs: Readonly<Record<string, Port>>;
  readonly schemas: Readonly<Record<string, JsonObject>>;
}

export function resolveOpenings(report: Reporter, draft: Draft, openings: OpeningCatalog): ReadonlyMap<DraftNode, InnerOpening> {
  const found = new Map<DraftNode, InnerOpening>();
  for (const node of draft.nodes) {
    const name = node.use?.value.opening;
    // Without its parameters nothing can be said of it; why they are missing has been reported.
    if (name === undefined || !node.use || !node.with.value) continue;
    const inner = openings.get(name, handedIn(node));
    const refused = inner ? undefined : openings.refusal(name, handedIn(node));
    const { span } = node.use;
    if (inner) found.set(node, inner);
    else if (refused)
      report.error(
        "OPENING_INNER",
        span,
        `the opening ${quoted(name)} cannot be used: ${visibleLine(refused.message)}`,
        refused.hint,
      );
    else
      report.error(
        "OPENING_UNKNOWN_OPENING",
        span,
        `unknown opening ${quoted(name)}`,
        nameHint(name, openings.names(), "openings"),
      );
  }
  return found;
}

export function facesOf(
  agentOf: ReadonlyMap<DraftNode, AgentInterface>,
  innerOf: ReadonlyMap<DraftNode, InnerOpening>,
): ReadonlyMap<DraftNode, Face> {
  const faces = new Map<DraftNode, Face>();
  for (const [node, { name, inputs, outputs, schemas }] of agentOf)
    faces.set(node, { what: `agent ${name}`, inputs, outputs, schemas });
  for (const [node, { opening, inputs, outputs, schemas }] of innerOf)
    faces.set(node, { what: `opening ${opening.name}`, inputs, outputs, schemas });
  return faces;
}
