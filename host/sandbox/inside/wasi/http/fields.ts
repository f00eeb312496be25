/** `fields`: the headers of a message. Names in lower case, each as often as it was appended, in that order. */
import { RESPONSE_HEADER_BYTES, RESPONSE_HEADERS } from "../../../../http/bounds.js";
import { HEADER_NAME, HEADER_VALUE, isHosts } from "../../../../http/header.js";
import { Resource, type Native, type WasiFunction } from "../contract.js";
import { resourceOf } from "../values.js";

/** Never changed: clones and messages share it. */
export type Entries = readonly (readonly [name: string, value: Uint8Array])[];

type HeaderError = "invalid-syntax" | "forbidden" | "immutable";
class FieldsFailure extends Error {
  readonly tag: HeaderError;
  constructor(tag: HeaderError) {
    super(tag);
    this.tag = tag;
  }
}

export class Fields extends Resource {
  readonly resource = "fields";
  entries: Entries;
  /** Those of a message that is made, or has come. */
  private readonly fixed: boolean;

  constructor(entries: Entries = [], fixed = false) {
    super();
    this.entries = entries;
    this.fixed = fixed;
  }

  /** Puts these values in the place of all that the name had, or after them. */
  put(spelled: string, values: readonly Uint8Array[], keep: boolean): void {
    const name = this.writable(spelled);
    if (!values.every((value) => HEADER_VALUE.test(textOf(value)))) throw new FieldsFailure("invalid-syntax");
    const kept = keep ? this.entries : this.entries.filter(([each]) => each !== name);
    this.entries = within([...kept, ...values.map((value) => [name, value] as const)]);
  }

  delete(spelled: string): void {
    const name = this.writable(spelled);
    this.entries = this.entries.filter(([each]) => each !== name);
  }

  get(name: string): readonly Uint8Array[] {
    const wanted = name.toLowerCase();
    return this.entries.filter(([each]) => each === wanted).map(([, value]) => value);
  }

  private writable(spelled: string): string {
    if (this.fixed) throw new FieldsFailure("immutable");
    return nameOf(spelled);
  }

  /** Throws as `put` does, before anything of it is kept. */
  static from(list: readonly (readonly [string, Uint8Array])[]): Fields {
    if (list.length > RESPONSE_HEADERS) throw new FieldsFailure("forbidden");
    const entries = list.map(([spelled, value]) => {
      if (!HEADER_VALUE.test(textOf(value))) throw new FieldsFailure("invalid-syntax");
      return [nameOf(spelled), value] as const;
    });
    return new Fields(within(entries));
  }
}

export const textOf = (value: Uint8Array): string => Buffer.from(value).toString("latin1");

/** A program says how long its body is; that is held against the body and goes no further. The rest that frames a message is the host's. */
function nameOf(spelled: string): string {
  if (!HEADER_NAME.test(spelled)) throw new FieldsFailure("invalid-syntax");
  const name = spelled.toLowerCase();
  if (isHosts(name) && name !== "content-length") throw new FieldsFailure("forbidden");
  return name;
}

/** No message has more, so that a program's tables of headers are bounded by its handles. */
function within(entries: Entries): Entries {
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (entries.length > RESPONSE_HEADERS || size > RESPONSE_HEADER_BYTES) throw new FieldsFailure("forbidden");
  return entries;
}

const fields = (value: Native | undefined): Fields => resourceOf(Fields, value);

/** `result<T, header-error>`. */
function fallible(work: () => Native): Native {
  try {
    return { ok: work() };
  } catch (error) {
    if (error instanceof FieldsFailure) return { err: { tag: error.tag, val: null } };
    throw error;
  }
}

export const fieldsFunctions: readonly (readonly [string, WasiFunction])[] = [
  ["[constructor]fields", () => new Fields()],
  ["[static]fields.from-list", ([list]) => fallible(() => Fields.from(list as unknown as [string, Uint8Array][]))],
  ["[method]fields.get", ([self, name]) => fields(self).get(name as string)],
  ["[method]fields.has", ([self, name]) => fields(self).get(name as string).length > 0],
  [
    "[method]fields.set",
    ([self, name, values]) => fallible(() => (fields(self).put(name as string, values as unknown as Uint8Array[], false), null)),
  ],
  [
    "[method]fields.append",
    ([self, name, value]) => fallible(() => (fields(self).put(name as string, [value as Uint8Array], true), null)),
  ],
  ["[method]fields.delete", ([self, name]) => fallible(() => (fields(self).delete(name as string), null))],
  ["[method]fields.entries", ([self]) => fields(self).entries],
  ["[method]fields.clone", ([self]) => new Fields(fields(self).entries)],
];
