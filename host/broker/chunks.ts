/**
 * What a provider sends while nobody asks for it: gathered, so that a flood of small chunks becomes few answers, and held back where it
 * is more than a guest takes at once. A chunk never ends within a character.
 */
import type { StreamedUsage } from "./provider.js";

/** Characters that are handed on at once, and that are gathered before the provider has to wait. */
const AT_ONCE = 16_384;
const GATHERED = 4 * AT_ONCE;

export class Chunks {
  private readonly source: AsyncGenerator<string, StreamedUsage>;
  private text = "";
  private ended: { readonly usage: StreamedUsage } | { readonly error: unknown } | null = null;
  private closed = false;
  private changed = Promise.withResolvers<void>();
  private readonly pumped: Promise<void>;
  /** Whether the provider has said anything yet. */
  begun = false;

  constructor(source: AsyncGenerator<string, StreamedUsage>) {
    this.source = source;
    this.pumped = this.pump();
  }

  /** The next chunk, or what it all cost. Throws what the provider ended with, once what came before it has been taken. */
  async next(): Promise<string | StreamedUsage> {
    while (this.ready === 0 && !this.ended) await this.changed.promise;
    if (this.text !== "") return this.take(this.ready || this.text.length);
    const ended = this.ended!;
    if ("error" in ended) throw ended.error;
    return ended.usage;
  }

  /** Ends the request. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.closed = true;
    this.text = "";
    this.signal();
    await this.source.return(undefined as never).catch(() => {});
    await this.pumped;
  }

  /** Characters that can be handed on: none that is one half of which the other has not come. */
  private get ready(): number {
    const length = Math.min(AT_ONCE, this.text.length);
    const last = this.text.charCodeAt(length - 1);
    return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
  }

  private take(length: number): string {
    const chunk = this.text.slice(0, length).toWellFormed();
    this.text = this.text.slice(length);
    this.signal();
    return chunk;
  }

  private async pump(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.source.next();
        if (done) return void (this.ended = { usage: value });
        this.begun ||= value !== "";
        if (!this.closed) this.text += value;
        this.signal();
        while (this.text.length > GATHERED && !this.closed) await this.changed.promise;
      }
    } catch (error) {
      this.ended = { error };
    } finally {
      this.signal();
    }
  }

  private signal(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers<void>();
  }
}
