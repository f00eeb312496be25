/** A component imports nothing that its policy does not grant: what is not granted is not linked, so it could not even start. */
import type { AgentInterface, Grant } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import type { CheckContext } from "./context.js";

export interface MissingGrant {
  /** As the component names it, e.g. `runloop:agent/http@0.1.0`. */
  readonly import: string;
  /** What `policy.caps` would have to grant; null where no grant helps. */
  readonly capability: string | null;
  readonly reason: string;
}

const PACKAGE = "runloop:agent/";
const VERSION = "0.1.0";

const some = (granted: boolean | readonly unknown[]): boolean => (typeof granted === "boolean" ? granted : granted.length > 0);

/** What each interface needs; null needs nothing. */
const needs: ReadonlyMap<string, { readonly capability: string; granted(grant: Grant): boolean } | null> = new Map([
  ["types", null],
  ["log", null],
  ["state", null],
  ["kb", { capability: "kb_read or kb_write", granted: (grant: Grant) => some(grant.kb_read) || some(grant.kb_write) }],
  ["model", { capability: "model", granted: (grant: Grant) => some(grant.model) }],
  ["http", { capability: "net", granted: (grant: Grant) => some(grant.net) }],
  ["tools", { capability: "tools", granted: (grant: Grant) => some(grant.tools) }],
  ["actions", { capability: "actions", granted: (grant: Grant) => some(grant.actions) }],
  ["clock", { capability: "time", granted: (grant: Grant) => grant.time !== false }],
  ["random", { capability: "random", granted: (grant: Grant) => grant.random }],
]);

/** The imports of a component that its grant does not cover, in the component's order. */
export function missingGrants(agent: AgentInterface): readonly MissingGrant[] {
  return agent.imports.flatMap((name) => {
    const missing = missingFor(name, agent);
    return missing ? [missing] : [];
  });
}

function missingFor(name: string, agent: AgentInterface): MissingGrant | null {
  const refused = (reason: string): MissingGrant => ({ import: name, capability: null, reason });
  if (name.startsWith("wasi:")) return refused("WASI interfaces are not linked by this version");
  const [bare = "", version] = name.split("@");
  const short = bare.startsWith(PACKAGE) ? bare.slice(PACKAGE.length) : "";
  const need = needs.get(short);
  if (need === undefined) return refused("the host has no such interface");
  if (version !== undefined && version !== VERSION) return refused(`the host links version ${VERSION}`);
  // Optional: linked as a stub that refuses every call. Only an interface that the host knows can be one.
  const optional = agent.optionalImports.some((each) => each === name || each === short || each === bare);
  if (need === null || optional || need.granted(agent.grant)) return null;
  return { import: name, capability: need.capability, reason: `the policy does not grant ${need.capability}` };
}

export function checkGrants({ report, agentOf }: CheckContext): void {
  const seen = new Set<AgentInterface>();
  for (const [node, agent] of agentOf) {
    if (seen.has(agent) || !node.use) continue;
    seen.add(agent);
    for (const { import: name, capability, reason } of missingGrants(agent)) {
      const hint =
        capability === null
          ? undefined
          : `grant ${capability} in the policy.caps of ${agent.name}, or list the import under [imports] optional`;
      report.error("OPENING_GRANT", node.use.span, `the agent ${quoted(agent.name)} imports ${quoted(name)}: ${reason}`, hint);
    }
  }
}
