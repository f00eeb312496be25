/**
 * The check that stands before every host call, in the control process. What is linked already follows from the grant; this is the
 * wall behind that door, because a sandbox process is not believed (`threat-model`, 1).
 */
import type { Grant } from "#openings/agent.js";

export interface Denial {
  /** The capability that is missing, as it is written in `policy.caps`. */
  readonly cap: string;
  readonly target: string;
  readonly reason: string;
}

/** A `*` stands for any run of characters; everything else for itself. Linear: the pattern is cut at its stars. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return pattern === text;
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
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

/** Listed in `kb_read`, it lifts the mask from e-mail addresses. `kb_read = true` does not. */
export const RAW_CONTACTS = "contacts_raw";

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
