/**
 * What two grants have in common. A layer can take away and never add, so the effective grant of an agent is a fold of this over its
 * layers. Where the common part of two entries has no form in the language it is left out: less, never more.
 */
import { canonicalJson, type Json } from "#core/json.js";
import type { Grant } from "../agent.js";
import { matchesPattern, meetPatterns } from "./pattern.js";
import { meetRules, meetTargets } from "./reach.js";

export function meet(a: Grant, b: Grant): Grant {
  return Object.fromEntries((Object.keys(meets) as (keyof Grant)[]).map((key) => [key, meets[key](a, b)])) as unknown as Grant;
}

/** One capability of `a`, as far as `b` holds it too. */
export function meetKey<K extends keyof Grant>(key: K, a: Grant, b: Grant): Grant[K] {
  return meets[key](a, b) as Grant[K];
}

type Meets = { readonly [K in keyof Grant]: (a: Grant, b: Grant) => Grant[K] };

const same = (x: string, y: string): readonly string[] => (x === y ? [x] : []);

const meets: Meets = {
  // Who may write may read.
  fs_ro: (a, b) => {
    const written = meets.fs_rw(a, b);
    const read = folders([...a.fs_ro, ...a.fs_rw], [...b.fs_ro, ...b.fs_rw]);
    return read.filter((path) => !written.some((folder) => holds(folder, path)));
  },
  fs_rw: (a, b) => folders(a.fs_rw, b.fs_rw),
  net: (a, b) =>
    pairs(
      a.net,
      b.net,
      (x, y) => {
        const rule = meetRules(x, y);
        return rule ? [rule] : [];
      },
      (x, y) => {
        const rule = meetRules(x, y);
        return rule !== null && equal(rule, x);
      },
    ),
  time: (a, b) => (a.time === false || b.time === false ? false : a.time === "real" && b.time === "real" ? "real" : true),
  random: (a, b) => a.random && b.random,
  kb_read: (a, b) =>
    flagged(
      a.kb_read,
      b.kb_read,
      (x, y) => same(x, y),
      (domain) => domain !== RAW_CONTACTS,
    ),
  kb_write: (a, b) => flagged(a.kb_write, b.kb_write, same),
  // Of two entries for one secret the first counts.
  secrets: (a, b) =>
    a.secrets.flatMap((secret, index) => {
      if (a.secrets.findIndex(({ id }) => id === secret.id) < index) return [];
      const other = b.secrets.find(({ id }) => id === secret.id);
      const hosts = other ? lists(secret.hosts, other.hosts, (x, y) => meetTargets(x, y) ?? []) : [];
      return hosts.length > 0 ? [{ id: secret.id, hosts }] : [];
    }),
  secrets_raw: (a, b) => lists(a.secrets_raw, b.secrets_raw, same),
  model: (a, b) =>
    flagged(
      a.model,
      b.model,
      meetPatterns,
      () => true,
      (narrow, wide) => matchesPattern(wide, narrow),
    ),
  actions: (a, b) => lists(a.actions, b.actions, same),
  tools: (a, b) => lists(a.tools, b.tools, same),
  exec: (a, b) => a.exec.filter((rule) => b.exec.some((other) => equal(rule, other))),
  spawn: (a, b) => lists(a.spawn, b.spawn, same),
};

/** Listed in `kb_read`, it lifts the mask from e-mail addresses. `kb_read = true` does not. */
export const RAW_CONTACTS = "contacts_raw";

const equal = (a: unknown, b: unknown): boolean => canonicalJson(a as Json) === canonicalJson(b as Json);

/** Every pair's common part, once; without what another one covers, unless it stood in `a` like that. */
function pairs<T>(
  a: readonly T[],
  b: readonly T[],
  common: (x: T, y: T) => T | readonly T[],
  within: (narrow: T, wide: T) => boolean,
): readonly T[] {
  const found = new Map<string, T>();
  for (const x of a)
    for (const y of b) for (const part of [common(x, y)].flat() as T[]) found.set(canonicalJson(part as Json), part);
  const all = [...found.values()];
  return all.filter((one) => a.some((x) => equal(x, one)) || !all.some((other) => other !== one && within(one, other)));
}

const lists = (
  a: readonly string[],
  b: readonly string[],
  common: (x: string, y: string) => string | readonly string[],
  within: (narrow: string, wide: string) => boolean = () => false,
): readonly string[] => [...pairs(a, b, common, within)].sort();

/** `true` is everything that `plain` lets through; an empty list is nothing. */
function flagged(
  a: boolean | readonly string[],
  b: boolean | readonly string[],
  common: (x: string, y: string) => string | readonly string[],
  plain: (item: string) => boolean = () => true,
  within?: (narrow: string, wide: string) => boolean,
): boolean | readonly string[] {
  if (a === false || b === false) return false;
  if (a === true && b === true) return true;
  const kept =
    a === true
      ? (b as readonly string[]).filter(plain)
      : b === true
        ? a.filter(plain)
        : lists(a as readonly string[], b as readonly string[], common, within);
  return kept.length > 0 ? kept : false;
}

const holds = (outer: string, inner: string): boolean =>
  inner === outer || inner.startsWith(/[\\/]$/.test(outer) ? outer : `${outer}/`) || inner.startsWith(`${outer}\\`);

/** Of two folders of which one holds the other, the inner one. */
const folders = (a: readonly string[], b: readonly string[]): readonly string[] =>
  lists(
    a,
    b,
    (x, y) => (holds(x, y) ? y : holds(y, x) ? x : []),
    (narrow, wide) => holds(wide, narrow),
  );
