/**
 * The check that stands before every host call, in the control process. What is linked already follows from the grant; this is the
 * wall behind that door, because a sandbox process is not believed (`threat-model`, 1).
 */
import type { Grant } from "#openings/agent.js";
import { RAW_CONTACTS } from "#openings/grant/meet.js";
import { matchesPattern } from "#openings/grant/pattern.js";

export interface Denial {
  /** The capability that is missing, as it is written in `policy.caps`. */
  readonly cap: string;
  readonly target: string;
  readonly reason: string;
}

/** Whether the grant lets the agent use `model` (`provider/name`). */
export function mayUseModel(grant: Grant, model: string): Denial | null {
  if (grant.model === true) return null;
  if (grant.model === false) return { cap: "model", target: model, reason: "the grant has no `model`" };
  if (grant.model.some((pattern) => matchesPattern(pattern, model))) return null;
  return { cap: "model", target: model, reason: `\`${model}\` matches none of the granted models (${grant.model.join(", ")})` };
}

/** Domains of the knowledge base that the agent may read: `true` for all of them. */
export function readableDomains(grant: Grant): true | readonly string[] {
  if (grant.kb_read === true) return true;
  return grant.kb_read === false ? [] : grant.kb_read.filter((domain) => domain !== RAW_CONTACTS);
}

export function mayRead(grant: Grant, domain: string | null): Denial | null {
  const domains = readableDomains(grant);
  if (domains === true) return null;
  if (domains.length === 0) return { cap: "kb_read", target: domain ?? "*", reason: "the grant has no `kb_read`" };
  if (domain === null || domains.includes(domain)) return null;
  return { cap: "kb_read", target: domain, reason: `the domain \`${domain}\` is not granted (${domains.join(", ")})` };
}

export const seesRawContacts = (grant: Grant): boolean => Array.isArray(grant.kb_read) && grant.kb_read.includes(RAW_CONTACTS);

export function mayWrite(grant: Grant, domain: string): Denial | null {
  if (grant.kb_write === true || (Array.isArray(grant.kb_write) && grant.kb_write.includes(domain))) return null;
  return { cap: "kb_write", target: domain, reason: `the grant does not write the domain \`${domain}\`` };
}

export function mayAct(grant: Grant, action: string): Denial | null {
  if (grant.actions.includes(action)) return null;
  return { cap: "actions", target: action, reason: `the grant does not hold the action \`${action}\`` };
}

export function mayUseTool(grant: Grant, tool: string): Denial | null {
  if (grant.tools.includes(tool)) return null;
  return { cap: "tools", target: tool, reason: `the grant does not hold the tool \`${tool}\`` };
}
