/** Which interfaces a grant links: what is not granted is not there. */
import type { AgentInterface, Grant } from "#openings/agent.js";
import { isOptional, knownImport } from "#openings/check/grants.js";
import type { Denial } from "./authorize.js";

/** Has no functions. */
const NEVER_LINKED: ReadonlySet<string> = new Set(["types"]);

/** The interfaces that the component imports and the grant holds: `kb`, `wasi:io/streams`. */
export function linkedInterfaces(agent: AgentInterface, grant: Grant): readonly string[] {
  return agent.imports.flatMap((name) => {
    const known = knownImport(name);
    if ("unknown" in known || NEVER_LINKED.has(known.key)) return [];
    return known.need === null || known.need.granted(grant) ? [known.key] : [];
  });
}

/** Those that the manifest calls optional and the grant does not hold: linked as stubs whose every call is denied. */
export function stubbedInterfaces(agent: AgentInterface, grant: Grant): readonly string[] {
  const linked = new Set(linkedInterfaces(agent, grant));
  return agent.imports.flatMap((name) => {
    const known = knownImport(name);
    if ("unknown" in known || known.key === "types" || linked.has(known.key)) return [];
    return isOptional(name, known.key, agent) ? [known.key] : [];
  });
}

/** Why a call of an interface is refused that is there as a stub only; null where it is linked. */
export function stubDenial(agent: AgentInterface, grant: Grant, call: { interface: string; function: string }): Denial | null {
  if (!stubbedInterfaces(agent, grant).includes(call.interface)) return null;
  const name = agent.imports.map(knownImport).find((known) => "key" in known && known.key === call.interface);
  const cap = name && "need" in name && name.need ? name.need.capability : call.interface;
  return { cap, target: call.function, reason: `the policy does not grant ${cap}` };
}
