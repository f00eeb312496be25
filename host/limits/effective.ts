/** From what a manifest asks for to what an attempt gets: the usual where it asks nothing, and never more than the operator allows. */
import { limitNames, limitTable, type LimitName } from "./table.js";

/** What a manifest says under `[limits]`. */
export type Asked = Readonly<Record<string, number | undefined>>;
/** A value for each limit. */
export type Limits = Readonly<Record<LimitName, number>>;
/** The operator's ceilings; null: none beyond what any manifest may ask for. */
export type Ceilings = Readonly<Record<LimitName, number | null>>;

/** A limit that the agent would have had, and the operator's ceiling that it got. */
export interface Lowered {
  readonly limit: LimitName;
  readonly asked: number;
  readonly ceiling: number;
}

/** Every limit of an agent, the usual ones filled in. */
export function limitsOf(given: Asked): Limits {
  return each((name) => Math.min(given[name] ?? limitTable[name].usual, limitTable[name].most));
}

/** What is left under the operator's ceilings, and which limits they have lowered. */
export function lower(asked: Limits, ceilings: Ceilings): { readonly limits: Limits; readonly lowered: readonly Lowered[] } {
  const limits = each((name) => Math.min(asked[name], ceilings[name] ?? Infinity));
  return { limits, lowered: differences(asked, limits) };
}

/** Where an agent gets something else than its manifest asks for. */
export function differences(asked: Limits, given: Limits): readonly Lowered[] {
  return limitNames
    .filter((name) => given[name] !== asked[name])
    .map((limit): Lowered => ({ limit, asked: asked[limit], ceiling: given[limit] }));
}

/** Limits as a run has recorded them. Those that its version of rlp did not know are the usual ones; what is no number counts for nothing. */
export function recordedLimits(recorded: Readonly<Record<string, number>>): Limits {
  return each((name) => {
    const value = Object.hasOwn(recorded, name) ? recorded[name] : undefined;
    return value !== undefined && Number.isInteger(value) && value >= 1
      ? Math.min(value, limitTable[name].most)
      : limitTable[name].usual;
  });
}

function each(value: (name: LimitName) => number): Limits {
  return Object.fromEntries(limitNames.map((name) => [name, value(name)])) as Record<LimitName, number>;
}
