/** A streamed answer on its way: whole characters only, and no part of the key that a service might repeat. */

/**
 * Text as it may be handed on. What could be the beginning of the key is held back until it is known not to be; a half character until
 * its other half is there.
 */
export class Outgoing {
  private readonly key: string | null;
  private held = "";

  constructor(key: string | null) {
    this.key = key;
  }

  push(text: string): string {
    this.held += text;
    if (this.key !== null) this.held = this.held.replaceAll(this.key, "[key]");
    const keep = this.suspect();
    const free = this.held.slice(0, this.held.length - keep);
    this.held = keep === 0 ? "" : this.held.slice(-keep);
    return free;
  }

  /** What is left, when nothing comes any more. */
  end(): string {
    const rest = this.held.toWellFormed();
    this.held = "";
    return rest;
  }

  /** Characters at the end that may not go yet. */
  private suspect(): number {
    const { held, key } = this;
    for (let length = Math.min(held.length, (key?.length ?? 0) - 1); length > 0; length--)
      if (key!.startsWith(held.slice(-length))) return length;
    const last = held.charCodeAt(held.length - 1);
    return last >= 0xd800 && last < 0xdc00 ? 1 : 0;
  }
}
