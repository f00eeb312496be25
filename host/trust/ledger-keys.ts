/** The home's keys as its ledger needs them: what signs its checkpoints, and whose checkpoints count. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { blake3 } from "#core/digest.js";
import type { AcceptedKey } from "#kb/ledger/check/signatures.js";
import type { LedgerAnchor } from "#kb/ledger/ledger.js";
import type { Home } from "../config/home.js";
import { TrustError } from "./error.js";
import { listKeys, ownKey, ownPublicKeys } from "./keys.js";

/** `kbRoot` is the folder of the ledger: a home may be used with several, and each has its own note. */
export function ledgerAnchor(home: Pick<Home, "headsDir" | "keysDir">, kbRoot: string): LedgerAnchor {
  return {
    headFile: headFile(home, kbRoot),
    signer() {
      try {
        const { known, key } = ownKey(home.keysDir);
        return { public: known.public, key };
      } catch (cause) {
        // A run is not lost for want of a signature: `rlp kb verify` says where they end, `rlp doctor` what is wrong with the keys.
        if (cause instanceof TrustError || typeof (cause as NodeJS.ErrnoException).code === "string") return null;
        throw cause;
      }
    },
  };
}

export function headFile({ headsDir }: Pick<Home, "headsDir">, kbRoot: string): string {
  return join(headsDir, blake3(realPath(kbRoot)).slice(0, 16));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The keys whose checkpoints count: the home's own, and of the others those that are named. Throws `TRUST_NO_KEY` for an unknown name. */
export function checkpointKeys(keysDir: string, named: readonly string[]): readonly AcceptedKey[] {
  const others = named.map((which) => {
    const found = listKeys(keysDir).find(({ name, id }) => name === which || id === which);
    if (found) return found;
    throw new TrustError("TRUST_NO_KEY", `no known key is called \`${which.slice(0, 80)}\``, {
      hint: "`rlp keys trust NAME KEY` adds one, `rlp keys list` shows them",
    });
  });
  return [...ownPublicKeys(keysDir), ...others];
}
