/**
 * Handles of the host's resources that one guest holds: a table of its own, in which a number is never used again, so that what was
 * let go of is never mistaken for something newer.
 */
import type { Json } from "#core/json.js";
import { GuestTrap } from "../inside/ends.js";
import { Resource } from "../inside/wasi/contract.js";

/** Numbers that the canonical ABI allows. */
const LAST = 2 ** 28 - 1;

/** What the host calls a resource by, or the object that it is. */
export type Held = Json | Resource;
interface Entry {
  readonly resource: string;
  readonly held: Held;
  lent: boolean;
}

export class Handles {
  private readonly entries = new Map<number, Entry>();
  private readonly lent: Entry[] = [];
  private next = 1;
  /** Called with the number of handles that there will be; throws where those are too many. */
  private readonly hold: (handles: number) => void;

  constructor(hold: (handles: number) => void) {
    this.hold = hold;
  }

  get open(): number {
    return this.entries.size;
  }

  /** `resource` is named with its home: `wasi:io/streams/output-stream`. */
  add(resource: string, held: Held): number {
    this.hold(this.entries.size + 1);
    if (this.next > LAST) throw new GuestTrap(`more than ${LAST} handles were made`);
    const handle = this.next++;
    this.entries.set(handle, { resource, held, lent: false });
    return handle;
  }

  /** Borrowed until `returnAll`: meanwhile it cannot be taken. */
  lend(resource: string, handle: number): Held {
    const entry = this.entry(resource, handle);
    if (!entry.lent) {
      entry.lent = true;
      this.lent.push(entry);
    }
    return entry.held;
  }

  returnAll(): void {
    while (this.lent.length > 0) this.lent.pop()!.lent = false;
  }

  take(resource: string, handle: number): Held {
    const entry = this.entry(resource, handle);
    if (entry.lent) throw new GuestTrap(`canonical ABI: the handle ${handle} of ${resource} is lent, and given away`);
    this.entries.delete(handle);
    return entry.held;
  }

  /** Gives what it was. An object ends by itself; what the host only has a name for, it has to be told of. */
  drop(resource: string, handle: number): Held {
    const held = this.take(resource, handle);
    if (held instanceof Resource) held.drop();
    return held;
  }

  /** Drops what is left, in the order in which it was opened. */
  end(): void {
    const left = [...this.entries.values()];
    this.entries.clear();
    for (const { held } of left) if (held instanceof Resource) held.drop();
  }

  private entry(resource: string, handle: number): Entry {
    const entry = this.entries.get(handle);
    if (entry?.resource !== resource) throw new GuestTrap(`canonical ABI: ${handle} is no handle of ${resource}`);
    return entry;
  }
}
