/** The knowledge base: the ledger, the views that are made from it, and the vectors that are made from those. */
import { KbError } from "./errors.js";
import { openLedger, type Ledger, type LedgerOptions } from "./ledger/ledger.js";
import { find, type Answer, type FindOptions } from "./search/find.js";
import type { Embedder } from "./vectors/embedder.js";
import { hashedEmbedder } from "./vectors/hashed.js";
import { openViews, type Views } from "./views/views.js";

export interface KbOptions extends LedgerOptions {
  /** What makes the vectors; the built-in one by default. */
  readonly embedder?: Embedder;
  /** False: nothing is appended to the ledger, which is opened for reading only; views and vectors still follow it. True by default. */
  readonly appends?: boolean;
}

export interface Kb {
  readonly root: string;
  readonly ledger: Ledger;
  /** Opened when first looked at: whoever needs the ledger alone never touches `pog.sqlite`. */
  readonly views: Views;
  readonly embedder: Embedder;
  /** By words and vectors, as of the watermark that the options name. */
  search(query: string, options?: FindOptions): Promise<Answer>;
  close(): Promise<void>;
}

/** Opens, and where it is new makes, the knowledge base in the folder `root`. Errors are {@link KbError}s. */
export async function openKb({ embedder = hashedEmbedder, appends = true, ...options }: KbOptions): Promise<Kb> {
  const { readonly = false } = options;
  const ledger = await openLedger({ ...options, readonly: readonly || !appends });
  const { root } = ledger;
  let views: Views | undefined;
  let closed = false;
  const kb: Kb = {
    root,
    ledger,
    embedder,
    get views() {
      if (closed) throw new KbError("KB_CLOSED", "the knowledge base is closed");
      return (views ??= openViews(ledger, { root, readonly, once: !appends, ...(options.now && { now: options.now }) }));
    },
    search: (query, asked) => find(kb, query, asked),
    close: async () => {
      closed = true;
      views?.close();
      await ledger.close();
    },
  };
  return kb;
}
