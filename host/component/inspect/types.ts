/** Component types as they are decoded, written out in full so that they can be compared with ours. */
import type { WitFunction, WitType } from "../type.js";
import { limits } from "./limits.js";
import { checkFunction, checkLabel, externName, shown } from "./names.js";
import type { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";
import { ResourceType } from "./resource.js";

/** `foreign`: a type that exists in the component model and nowhere in our interfaces. */
export type DecodedType = WitType | { readonly kind: "foreign"; readonly name: string };
export interface InstanceType {
  readonly types: Map<string, WitType>;
  /** Those that it defines and those that it `use`s. */
  readonly resources: Map<string, ResourceType>;
  /** Those that it defines. */
  readonly defined: ResourceType[];
  readonly functions: Map<string, WitFunction>;
}
export type TypeEntry =
  | { readonly sort: "value"; readonly type: WitType; readonly nodes: number; readonly depth: number }
  | { readonly sort: "function"; readonly type: WitFunction }
  | { readonly sort: "instance"; readonly type: InstanceType }
  | { readonly sort: "resource"; readonly type: ResourceType };

/** Counts definitions over the whole component. */
export class Quota {
  private left: number = limits.definitions;
  take(count = 1): void {
    this.left -= count;
    if (this.left < 0) throw new Refusal("ADMIT_LIMIT", `more than ${limits.definitions} definitions`);
  }
}

const PRIMITIVES: Readonly<Record<number, string>> = {
  0x7f: "bool",
  0x7e: "s8",
  0x7d: "u8",
  0x7c: "s16",
  0x7b: "u16",
  0x7a: "s32",
  0x79: "u32",
  0x78: "s64",
  0x77: "u64",
  0x76: "f32",
  0x75: "f64",
  0x74: "char",
  0x73: "string",
  0x64: "error-context",
};
const FOREIGN = new Set(["error-context"]);

type Sized = Extract<TypeEntry, { sort: "value" }>;
const leaf = (type: DecodedType): Sized => ({ sort: "value", type: type as WitType, nodes: 1, depth: 1 });
const foreign = (name: string): Sized => leaf({ kind: "foreign", name });
const primitive = (name: string): Sized => (FOREIGN.has(name) ? foreign(name) : leaf({ kind: name } as WitType));

/** Decodes the types of one index space. `outer` is the space around it: the component's, seen from an instance type. */
export class TypeDecoder {
  readonly space: TypeEntry[] = [];
  private readonly quota: Quota;
  private readonly outer: readonly TypeEntry[] | null;

  constructor(quota: Quota, outer: readonly TypeEntry[] | null = null) {
    this.quota = quota;
    this.outer = outer;
  }

  at(reader: Reader, index: number): TypeEntry {
    const entry = this.space[index];
    if (!entry) throw reader.malformed(`there is no type ${index}`);
    return entry;
  }

  /** One `deftype`. */
  define(reader: Reader): void {
    this.quota.take();
    this.space.push(this.read(reader));
  }

  private read(reader: Reader): TypeEntry {
    const form = reader.byte();
    const name = PRIMITIVES[form];
    if (name) return primitive(name);
    switch (form) {
      case 0x72:
        return this.sized(this.labelled(reader, "fields", 1), (parts) => ({
          kind: "record",
          fields: parts.map(([field, part]) => [field, part!.type] as const),
        }));
      case 0x71:
        return this.sized(this.cases(reader), (parts) => ({
          kind: "variant",
          cases: parts.map(([label, part]) => [label, part?.type ?? null] as const),
        }));
      case 0x70: {
        const of = this.value(reader);
        return this.sized([["", of]], () => ({ kind: "list", of: of.type }));
      }
      case 0x6f: {
        const parts: [string, Sized][] = [];
        for (let left = reader.count("items of a tuple", limits.typeNodes); left > 0; left--)
          parts.push(["", this.value(reader)]);
        return this.sized(parts, () => ({ kind: "tuple", items: parts.map(([, part]) => part.type) }));
      }
      case 0x6e:
        return leaf({ kind: "flags", names: this.labels(reader, 32) });
      case 0x6d:
        return leaf({ kind: "enum", names: this.labels(reader) });
      case 0x6b: {
        const of = this.value(reader);
        return this.sized([["", of]], () => ({ kind: "option", of: of.type }));
      }
      case 0x6a: {
        const ok = this.optional(reader);
        const err = this.optional(reader);
        return this.sized(
          [
            ["", ok],
            ["", err],
          ],
          () => ({ kind: "result", ok: ok?.type ?? null, err: err?.type ?? null }),
        );
      }
      case 0x69:
      case 0x68: {
        const entry = this.at(reader, reader.u32());
        if (entry.sort !== "resource") throw reader.malformed("a handle of something that is not a resource");
        return leaf(entry.type.handle(form === 0x69 ? "own" : "borrow"));
      }
      case 0x40:
        return { sort: "function", type: this.func(reader) };
      case 0x42:
        return { sort: "instance", type: this.instance(reader) };
      case 0x3e:
      case 0x3f:
        throw new Refusal("ADMIT_LIMIT", "the component defines a resource of its own", "agents use the host's resources only");
      case 0x41:
        throw new Refusal("ADMIT_LIMIT", "the component uses component types", "link the parts into one component first");
      case 0x43:
        throw new Refusal("ADMIT_LIMIT", "the component uses async functions", "the host's calls look synchronous to a guest");
      case 0x65:
      case 0x66:
        throw new Refusal("ADMIT_LIMIT", "the component uses futures or streams");
      default:
        throw reader.malformed(`unknown form of type 0x${form.toString(16)}`);
    }
  }

  /** A `valtype`: a primitive, or the index of a type that is a value's. */
  private value(reader: Reader): Sized {
    const byte = reader.peek();
    const name = PRIMITIVES[byte];
    if (name) {
      reader.byte();
      return primitive(name);
    }
    // An s33 whose sign bit is clear: indices from 64 take two bytes.
    if ((byte & 0xc0) === 0x40) throw reader.malformed(`unknown primitive type 0x${byte.toString(16)}`);
    const entry = this.at(reader, reader.u32());
    if (entry.sort !== "value") throw reader.malformed("a value's type is not one");
    return entry;
  }

  private optional(reader: Reader): Sized | null {
    switch (reader.byte()) {
      case 0:
        return null;
      case 1:
        return this.value(reader);
      default:
        throw reader.malformed("neither there nor not there");
    }
  }

  private labelled(reader: Reader, what: string, atLeast: number): [string, Sized][] {
    const parts: [string, Sized][] = [];
    const count = reader.count(what, limits.typeNodes);
    if (count < atLeast) throw reader.malformed(`no ${what}`);
    for (let left = count; left > 0; left--) parts.push([checkLabel(reader.name()), this.value(reader)]);
    this.quota.take(count);
    return parts;
  }

  private cases(reader: Reader): [string, Sized | null][] {
    const parts: [string, Sized | null][] = [];
    const count = reader.count("cases", limits.typeNodes);
    for (let left = count; left > 0; left--) {
      parts.push([checkLabel(reader.name()), this.optional(reader)]);
      reader.expect(0, "a case");
    }
    this.quota.take(count);
    return parts;
  }

  private labels(reader: Reader, limit: number = limits.typeNodes): string[] {
    const names: string[] = [];
    for (let left = reader.count("labels", limit); left > 0; left--) names.push(checkLabel(reader.name()));
    if (names.length === 0) throw reader.malformed("no labels");
    this.quota.take(names.length);
    return names;
  }

  private sized<P extends Sized | null>(parts: [string, P][], make: (parts: [string, P][]) => WitType): Sized {
    let nodes = 1;
    let depth = 1;
    for (const [, part] of parts) {
      nodes += part?.nodes ?? 1;
      depth = Math.max(depth, 1 + (part?.depth ?? 0));
    }
    if (nodes > limits.typeNodes || depth > limits.typeDepth)
      throw new Refusal(
        "ADMIT_LIMIT",
        `a type has more than ${limits.typeNodes} parts or is nested deeper than ${limits.typeDepth}`,
      );
    return { sort: "value", type: make(parts), nodes, depth };
  }

  private func(reader: Reader): WitFunction {
    const params = this.labelled(reader, "parameters", 0).map(([name, part]) => [name, part.type] as const);
    const form = reader.byte();
    if (form === 0) return { params, result: this.value(reader).type };
    if (form !== 1) throw reader.malformed("unknown form of results");
    reader.expect(0, "named results");
    return { params, result: null };
  }

  private instance(reader: Reader): InstanceType {
    const made: InstanceType = { types: new Map(), resources: new Map(), defined: [], functions: new Map() };
    const inner = new TypeDecoder(this.quota, this.space);
    for (let left = reader.count("declarations", limits.definitions); left > 0; left--) {
      const form = reader.byte();
      if (form === 0x01) inner.define(reader);
      else if (form === 0x02) inner.aliasOuter(reader);
      else if (form === 0x04) inner.exported(reader, made);
      else throw reader.malformed(`unknown declaration 0x${form.toString(16)} in an instance's type`);
    }
    return made;
  }

  private aliasOuter(reader: Reader): void {
    this.quota.take();
    reader.expect(0x03, "an alias in an instance's type");
    reader.expect(0x02, "an alias in an instance's type");
    const distance = reader.u32();
    const index = reader.u32();
    const entry = distance === 0 ? this.space[index] : distance === 1 ? this.outer?.[index] : undefined;
    if (!entry) throw reader.malformed("an alias leads nowhere");
    this.space.push(entry);
  }

  private exported(reader: Reader, into: InstanceType): void {
    this.quota.take();
    const name = externName(reader);
    const sort = reader.byte();
    if (sort === 0x01) {
      const entry = this.at(reader, reader.u32());
      if (entry.sort !== "function") throw reader.malformed("a function's type is not one");
      unique(into.functions.has(checkFunction(name)), name);
      into.functions.set(name, entry.type);
    } else if (sort === 0x03) {
      unique(into.types.has(checkLabel(name)) || into.resources.has(name), name);
      const { entry, fresh } = this.bound(reader, name);
      if (entry.sort === "value") into.types.set(name, entry.type);
      else if (entry.sort === "resource") {
        into.resources.set(name, entry.type);
        if (fresh) into.defined.push(entry.type);
      } else throw reader.malformed("an exported type is neither a value's nor a resource");
    } else {
      throw new Refusal("ADMIT_IMPORT", `${shown(name)}: an interface holds something that is neither a function nor a type`);
    }
  }

  /** A `typebound`; it makes a new index that stands for the named type. `fresh`: a resource that is none of those before. */
  bound(reader: Reader, name: string): { readonly entry: TypeEntry; readonly fresh: boolean } {
    const form = reader.byte();
    if (form > 1) throw reader.malformed("unknown bound of a type");
    const fresh = form === 1;
    const entry: TypeEntry = fresh ? { sort: "resource", type: new ResourceType(name) } : this.at(reader, reader.u32());
    this.space.push(entry);
    return { entry, fresh };
  }
}

export function unique(taken: boolean, name: string): void {
  if (taken) throw new Refusal("ADMIT_NAME", `the name ${shown(name)} is there twice`);
}
