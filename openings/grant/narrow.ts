/** Narrowing a grant: capabilities that are named are cut down to what is named, the others stay as they are. */
import { canonicalJson, type Json } from "#core/json.js";
import { noGrant, type Grant } from "../agent.js";
import { capabilitiesOf } from "../plan/capabilities.js";
import { meetKey } from "./meet.js";

/** What a layer says of some capabilities. `caps: {model: false}` leaves all others alone. */
export type Narrowing = Partial<Grant>;

const namedKeys = (narrowing: Narrowing): readonly (keyof Grant)[] =>
  (Object.keys(narrowing) as (keyof Grant)[]).filter((key) => narrowing[key] !== undefined);

export function narrow(grant: Grant, narrowing: Narrowing): Grant {
  const full = { ...grant, ...narrowing };
  return { ...grant, ...Object.fromEntries(namedKeys(narrowing).map((key) => [key, meetKey(key, grant, full)])) };
}

/** What a narrowing names and `grant` does not hold, in words. It can never be added; whoever wrote it should know. */
export function beyond(grant: Grant, narrowing: Narrowing): readonly string[] {
  return namedKeys(narrowing).flatMap((key) => {
    const named = narrowing[key] as Grant[keyof Grant];
    const parts = Array.isArray(named) ? named.map((part: unknown) => [part]) : [named];
    return parts.flatMap((part) => {
      const asked = { ...noGrant, [key]: part } as Grant;
      const held = meetKey(key, asked, grant);
      return canonicalJson(held as Json) === canonicalJson(part as Json) ? [] : capabilitiesOf(asked);
    });
  });
}

/** What an agent may do in a node: the host's grant, as far as the node leaves it. */
export const nodeGrant = (agent: { readonly grant: Grant }, node: { readonly caps?: Narrowing | null }): Grant =>
  node.caps ? narrow(agent.grant, node.caps) : agent.grant;

export interface Change {
  /** Held before and not after. */
  readonly took: readonly string[];
  /** What is left in the place of something wider. */
  readonly left: readonly string[];
}

/** What became of a grant, in words. */
export function change(before: Grant, after: Grant): Change {
  const [had, has] = [capabilitiesOf(before), capabilitiesOf(after)];
  return { took: had.filter((one) => !has.includes(one)), left: has.filter((one) => !had.includes(one)) };
}
