/** Reading what a guest gave. The binder has checked types already; what is checked here is which resource a handle stands for. */
import { GuestTrap } from "../ends.js";
import { Resource, type Native } from "./contract.js";

/** A class of resources, abstract ones too. */
type ResourceClass<T extends Resource> = abstract new (...args: never[]) => T;

/** Throws `GuestTrap` where the handle stands for something else. */
export function resourceOf<T extends Resource>(of: ResourceClass<T>, value: Native | undefined): T {
  if (value instanceof of) return value;
  const given = value instanceof Resource ? `one of \`${value.resource}\`` : "none";
  throw new GuestTrap(`canonical ABI: a handle of another resource than it must be (${given})`);
}

/** A `u64` as a number that is at most `most`: no guest's length is ever allocated before it is cut to what there can be. */
export const atMost = (value: Native | undefined, most: number): number => {
  const wanted = value as bigint;
  return wanted > BigInt(most) ? most : Number(wanted);
};
