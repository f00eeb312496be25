/** What is in an instance, and whether something is what a component inside asks for. */
import type { WitFunction } from "../type.js";
import type { Instance, Item } from "./items.js";
import { shown } from "./names.js";
import { Refusal } from "./refusal.js";
import { sameFunction, sameType } from "./same.js";
import type { InstanceType, TypeEntry } from "./types.js";

export function instanceItem(instance: Instance, name: string): Item | undefined {
  if (instance.kind === "made") return instance.items.get(name);
  const { functions, types, resources } = instance.type;
  const func = functions.get(name);
  if (func) return { sort: "func", func: { kind: "import", interface: instance.name, name, type: func } };
  const type = types.get(name);
  if (type) return { sort: "type", entry: { sort: "value", type, ...measured(type) } };
  const resource = resources.get(name);
  return resource && { sort: "type", entry: { sort: "resource", type: resource } };
}

/** A component inside that nobody has used yet. */
export class Unused {
  readonly kind = "made";
  private readonly make: () => ReadonlyMap<string, Item>;
  private made: ReadonlyMap<string, Item> | null = null;
  constructor(make: () => ReadonlyMap<string, Item>) {
    this.make = make;
  }

  get items(): ReadonlyMap<string, Item> {
    return (this.made ??= this.make());
  }

  /** An instance that it exports, as unused as it is. */
  inner(name: string): Instance {
    return new Unused(() => {
      const item = this.items.get(name);
      if (item?.sort !== "instance" || item.instance.kind !== "made")
        throw new Refusal("ADMIT_MALFORMED", `a component inside does not export the instance ${shown(name)}`);
      return item.instance.items;
    });
  }
}

export const accept = {
  func: (declared: WitFunction, item: Item): boolean => item.sort === "func" && sameFunction(declared, item.func.type),

  /** `fresh`: any resource will do, and from here on `declared` is that one. */
  type(declared: TypeEntry, fresh: boolean, item: Item): boolean {
    if (item.sort !== "type" || item.entry.sort !== declared.sort) return false;
    const { entry } = item;
    if (declared.sort === "value") return entry.sort === "value" && sameType(declared.type, entry.type);
    if (declared.sort !== "resource" || entry.sort !== "resource") return declared === entry;
    return fresh ? declared.type.equate(entry.type) : declared.type.id === entry.type.id;
  },

  /** All that `declared` names must be there and be the same; more may be there. */
  instance(declared: InstanceType, item: Item): boolean {
    if (item.sort !== "instance") return false;
    const { instance } = item;
    for (const [name, type] of declared.resources) {
      const given = instanceItem(instance, name);
      if (!given || !accept.type({ sort: "resource", type }, declared.defined.includes(type), given)) return false;
    }
    for (const [name, type] of declared.types) {
      const given = instanceItem(instance, name);
      if (given?.sort !== "type" || given.entry.sort !== "value" || !sameType(type, given.entry.type)) return false;
    }
    for (const [name, type] of declared.functions) {
      const given = instanceItem(instance, name);
      if (!given || !accept.func(type, given)) return false;
    }
    return true;
  },
};

/** Sizes of a type that came through an interface: as many nodes and levels as it really has. */
function measured(type: unknown): { nodes: number; depth: number } {
  let nodes = 1;
  let depth = 0;
  const children = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("kind" in value) {
      const inner = measured(value);
      nodes += inner.nodes;
      depth = Math.max(depth, inner.depth);
    } else for (const item of Object.values(value)) children(item);
  };
  for (const value of Object.values(type as object)) children(value);
  return { nodes, depth: depth + 1 };
}
