/** What arrives from outside while the run waits. One reader; nothing is lost between two waits. */
export class Mailbox<T> {
  #items: T[] = [];
  #next = 0;
  #knocked = false;
  #wake: (() => void) | null = null;

  put(item: T): void {
    this.#items.push(item);
    this.knock();
  }

  /** Wakes the reader although there is nothing to read. */
  knock(): void {
    this.#knocked = true;
    this.#wake?.();
  }

  /** The oldest item, if there is one. */
  take(): T | undefined {
    const item = this.#items[this.#next++];
    if (this.#next >= this.#items.length) {
      this.#items = [];
      this.#next = 0;
    }
    return item;
  }

  /** Resolves at the next `put` or `knock`, at once when there was one since the last `arrival`. */
  async arrival(): Promise<void> {
    if (!this.#knocked) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = null;
    this.#knocked = false;
  }
}
