/** Handles of the host's resources that one guest holds. */
import type { Json } from "#core/json.js";
import { GuestTrap } from "../inside/ends.js";

export class Handles {
  private readonly entries = new Map<number, { readonly resource: string; readonly name: Json }>();
  private next = 1;
  /** Called with the number of handles that there will be; throws where those are too many. */
  private readonly hold: (handles: number) => void;

  constructor(hold: (handles: number) => void) {
    this.hold = hold;
  }

  /** `name` is what the host calls it by. */
  add(resource: string, name: Json): number {
    this.hold(this.entries.size + 1);
    const handle = this.next++;
    this.entries.set(handle, { resource, name });
    return handle;
  }

  get(resource: string, handle: number): Json {
    const entry = this.entries.get(handle);
    if (entry?.resource !== resource) throw new GuestTrap(`canonical ABI: ${handle} is no handle of ${resource}`);
    return entry.name;
  }

  take(resource: string, handle: number): Json {
    const name = this.get(resource, handle);
    this.entries.delete(handle);
    return name;
  }
}
