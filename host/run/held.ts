/** What an attempt holds open on the host's side: closed when the guest lets it go, and in any case when the attempt ends. */
import type { Json } from "#core/json.js";

export class Held {
  private readonly open = new Map<string, () => Promise<void>>();
  private readonly closing = new Set<Promise<void>>();
  private readonly fail: (error: Error) => void;
  private readonly last: (() => void)[] = [];
  private ended = false;

  /** `fail` is told of what could not be closed, which is a fault of the host. */
  constructor(fail: (error: Error) => void) {
    this.fail = fail;
  }

  /** `name` is what the guest calls it by. What a call opens that was on its way when the attempt ended is closed at once. */
  add(resource: string, name: Json, close: () => Promise<void>): void {
    this.open.set(key(resource, name), close);
    if (this.ended) this.drop(resource, name);
  }

  /** Runs when the attempt ends, and not before: nothing that the guest could let go of. */
  whenEnded(forget: () => void): void {
    if (this.ended) forget();
    else this.last.push(forget);
  }

  /** How many of a resource there are. */
  count(resource: string): number {
    return [...this.open.keys()].filter((each) => each.startsWith(`${resource} `)).length;
  }

  /** The guest has let it go. Nothing, where it is not there: a guest that is executed again lets go of what it never had. */
  drop(resource: string, name: Json): void {
    const close = this.open.get(key(resource, name));
    if (!close) return;
    this.open.delete(key(resource, name));
    const closing = close()
      .catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))))
      .finally(() => this.closing.delete(closing));
    this.closing.add(closing);
  }

  /** Resolves when everything is closed. */
  async end(): Promise<void> {
    this.ended = true;
    for (const forget of this.last.splice(0)) forget();
    for (const name of this.open.keys()) {
      const cut = name.indexOf(" ");
      this.drop(name.slice(0, cut), JSON.parse(name.slice(cut + 1)) as Json);
    }
    await Promise.all(this.closing);
  }
}

const key = (resource: string, name: Json): string => `${resource} ${JSON.stringify(name)}`;
