/** Resource types of a component. They are told apart by identity, not by name: an interface's own is another than one it `use`s. */
import type { WitType } from "../type.js";

type Handle = Extract<WitType, { kind: "own" | "borrow" }>;

let serials = 0;

export class ResourceType {
  readonly name: string;
  private readonly serial = serials++;
  /** The key, or failing that the name, of the interface that defines it; null until that is imported. */
  private home: string | null = null;
  /** What an import of an inner component was given for it. */
  private given: ResourceType | null = null;

  constructor(name: string) {
    this.name = name;
  }

  private get root(): ResourceType {
    return this.given ? this.given.root : this;
  }

  /** `wasi:io/streams/output-stream`. What no interface has defined has a name that is nothing's. */
  get id(): string {
    const { home, name, serial } = this.root;
    return home === null ? `?${serial}` : `${home}/${name}`;
  }

  /** Whether an interface that is imported defines it. */
  get settled(): boolean {
    return this.root.home !== null;
  }

  /** The interface `home` defines it. False where another does already. */
  settle(home: string): boolean {
    if (this.home !== null || this.given !== null) return false;
    this.home = home;
    return true;
  }

  /** It is the same as `other`, which an inner component was given for it. False where it is settled already. */
  equate(other: ResourceType): boolean {
    if (this.home !== null || this.given !== null || other.root === this) return false;
    this.given = other;
    return true;
  }

  handle(kind: Handle["kind"]): Handle {
    return new DecodedHandle(kind, this);
  }
}

/** A handle's type; which resource it is of is asked late, since an interface's type is read before it is known where it is imported. */
class DecodedHandle {
  readonly kind: Handle["kind"];
  readonly #type: ResourceType;
  constructor(kind: Handle["kind"], type: ResourceType) {
    this.kind = kind;
    this.#type = type;
  }
  get resource(): string {
    return this.#type.id;
  }
}
