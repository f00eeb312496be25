/** The knowledge base: the ledger, and the views that are made from it. */
import { KbError } from "./errors.js";
import { openLedger, type Ledger, type LedgerOptions } from "./ledger/ledger.js";
import { openViews, type Views } from "./views/views.js";

export interface Kb {
  readonly root: string;
  readonly ledger: Ledger;
  /** Opened when first looked at: whoever needs the ledger alone never touches `pog.sqlite`. */
  readonly views: Views;
  close(): Promise<void>;
}

/** Opens, and where it is new makes, the knowledge base in the folder `root`. Errors are {@link KbError}s. */
export async function openKb(options: LedgerOptions): Promise<Kb> {
  const { readonly = false } = options;
  const ledger = await openLedger(options);
  const { root } = ledger;
  let views: Views | undefined;
  let closed = false;
  return {
    root,
    ledger,
    get views() {
      if (closed) throw new KbError("KB_CLOSED", "the knowledge base is closed");
      return (views ??= openViews(ledger, { root, readonly, ...(options.now && { now: options.now }) }));
    },
    close: async () => {
      closed = true;
      views?.close();
      await ledger.close();
    },
  };
}
