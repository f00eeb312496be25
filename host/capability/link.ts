/** Which interfaces a grant links: what is not granted is not there. */
import type { AgentInterface, Grant } from "#openings/agent.js";

const always = (): boolean => true;
const needs: Readonly<Record<string, (grant: Grant) => boolean>> = {
  log: always,
  state: always,
  kb: (grant) => grant.kb_read !== false || grant.kb_write !== false,
  model: (grant) => grant.model !== false,
  http: (grant) => grant.net.length > 0,
  actions: (grant) => grant.actions.length > 0,
  clock: (grant) => grant.time !== false,
  random: (grant) => grant.random,
};

/** `runloop:agent/kb@0.1.0` → `kb`; null for what is not of our package. */
function short(name: string): string | null {
  return /^runloop:agent\/([a-z-]+)@0\.1\.0$/.exec(name)?.[1] ?? null;
}

/** Short names of the interfaces that the component imports and the grant holds. */
export function linkedInterfaces(agent: AgentInterface, grant: Grant): readonly string[] {
  return agent.imports.flatMap((name) => {
    const id = short(name);
    return id !== null && Object.hasOwn(needs, id) && needs[id]?.(grant) ? [id] : [];
  });
}

/** Those that the manifest calls optional and the grant does not hold: linked as stubs whose every call is denied. */
export function stubbedInterfaces(agent: AgentInterface, grant: Grant): readonly string[] {
  const linked = new Set(linkedInterfaces(agent, grant));
  return agent.imports.flatMap((name) => {
    const id = short(name);
    return id !== null && id !== "types" && !linked.has(id) && agent.optionalImports.includes(id) ? [id] : [];
  });
}
