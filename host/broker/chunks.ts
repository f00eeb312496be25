/**
 * What a provider sends, in chunks of a fixed length: where they end follows from the text and not from the network's moods, so that an
 * agent which looks at them does the same with the same answer, and a flood of small pieces becomes few calls. What nobody has asked for
 * yet is held back at its source.
 */
import type { Usage } from "./provider.js";

/** UTF-16 code units of a chunk; one more where it would end within a character. */
const CHUNK = 128;
/** Units that are gathered before the provider has to wait. */
const GATHERED = 65_536;

export class Chunks {
  private readonly source: AsyncGenerator<string, Usage>;
  private text = "";
  private ended: { readonly usage: Usage } | { readonly error: unknown } | null = null;
  private closed = false;
  private changed = Promise.withResolvers<void>();
  private readonly pumped: Promise<void>;
  /** Whether the provider has said anything yet. */
  begun = false;

  constructor(source: AsyncGenerator<string, Usage>) {
    this.source = source;
    this.pumped = this.pump();
  }

  /** The next chunk, or what it all cost. Throws what the provider ended with, once what came before it has been taken. */
  async next(): Promise<string | Usage> {
    while (this.text.length <= CHUNK && !this.ended) await this.changed.promise;
    if (this.text !== "") return this.take();
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

  private take(): string {
    const last = this.text.charCodeAt(CHUNK - 1);
    const length = last >= 0xd800 && last < 0xdc00 ? CHUNK + 1 : CHUNK;
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
