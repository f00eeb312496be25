/**
 * The run's stream as the run itself writes it. What is written is folded at once, in the order in which the log will hold it, and
 * becomes durable behind: so the engine goes on without waiting for the disk, and its state is still nothing but a fold (E1).
 * The executor writes through here too.
 */
import type { RunEventDraft } from "#core/events.js";
import type { ProposalId } from "#core/ids.js";
import { apply } from "./apply.js";
import { isHeld } from "./select.js";
import type { RunState } from "./state.js";
import type { Clock, Haste, Journal } from "./world.js";

/** So many events go to the journal at a time: its thread works while more of them are made. */
const AHEAD = 32;

export class Stream {
  readonly #pending = new Set<Promise<unknown>>();
  #batch: RunEventDraft[] = [];
  #failure: { readonly error: unknown } | null = null;

  constructor(
    readonly state: RunState,
    private readonly journal: Journal,
    private readonly clock: Clock,
    /** Called when an append fails, from then on nothing can be written any more. */
    private readonly onFailure: () => void,
    private readonly onHeld: ((proposal: ProposalId | null) => void) | undefined = undefined,
  ) {}

  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Folds events now; they go to the journal with the next `flush`. */
  write(drafts: readonly RunEventDraft[]): void {
    this.#fold(drafts);
    for (const draft of drafts) this.#batch.push(draft);
    if (this.#batch.length >= AHEAD) this.flush();
  }

  #fold(drafts: readonly RunEventDraft[]): void {
    const now = this.clock.now();
    const held = isHeld(this.state);
    for (const draft of drafts) apply(this.state, draft, now);
    const [waiting = null] = isHeld(this.state) ? this.state.waiting.keys() : [];
    if (held !== (waiting !== null)) this.onHeld?.(waiting);
  }

  flush(haste: Haste = "soon"): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    for (let from = 0; from < batch.length; from += AHEAD) {
      // Nobody awaits this one by itself: a failure is kept, and found by the loop.
      this.#watch(this.journal.write(batch.slice(from, from + AHEAD), haste)).catch(() => undefined);
    }
  }

  /** Resolves when all that was written is durable. */
  async durable(): Promise<void> {
    this.flush("now");
    await Promise.allSettled(this.#pending);
    if (this.#failure) throw this.#failure.error;
  }

  /** The journal as the executor is given it. */
  asJournal(): Journal {
    return {
      append: async (drafts, haste) => {
        this.flush();
        this.#fold(drafts);
        return this.#watch(this.journal.append(drafts, haste));
      },
      write: async (drafts, haste) => {
        this.flush();
        this.#fold(drafts);
        return this.#watch(this.journal.write(drafts, haste));
      },
      store: (value) => this.journal.store(value),
      keep: (value) => this.journal.keep(value),
      load: (stored) => this.journal.load(stored),
    };
  }

  async #watch<T>(appended: Promise<T>): Promise<T> {
    this.#pending.add(appended);
    try {
      return await appended;
    } catch (error) {
      this.#failure ??= { error };
      this.onFailure();
      throw error;
    } finally {
      this.#pending.delete(appended);
    }
  }
}
