/** Reading runs from the ledger: ids that were typed in part, values that stand in blobs. */
import { UsageError } from "#core/errors.js";
import type { Digest } from "#core/digest.js";
import type { TraceId } from "#core/ids.js";
import { parseJson, type Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import type { Context } from "./context.js";

/** Blobs of our own ledger: larger than what may come from outside. */
const LIMITS = { bytes: 1 << 30, depth: 512, elements: 50_000_000 };

/** Opens the home's ledger for reading, calls `read`, closes it. Nothing is created: `KB_NOT_FOUND` where there is none. */
export async function withLedger<T>(context: Context, read: (ledger: Ledger) => Promise<T> | T): Promise<T> {
  const { openLedger } = await import("#kb/ledger/ledger.js");
  const ledger = await openLedger({ root: (await context.load()).home.kbRoot, readonly: true });
  try {
    return await read(ledger);
  } finally {
    await ledger.close();
  }
}

/** A run's id from `trace:<uuid>`, the bare UUID, or a beginning of it that fits one run only. */
export function resolveTrace(ledger: Pick<Ledger, "findTrace" | "runs">, text: string): TraceId {
  const prefix = text.replace(/^trace:/, "").toLowerCase();
  if (!/^[0-9a-f-]{1,36}$/.test(prefix))
    throw new UsageError("USAGE", `\`${text.slice(0, 80)}\` is no run's id`, { hint: "`rlp runs` lists the runs there are" });
  const found = ledger.findTrace(prefix);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length === 0) {
    const latest = ledger.runs().at(-1)?.traceId;
    throw new KbError("KB_NOT_FOUND", `there is no run \`${text}\``, {
      hint: latest === undefined ? "this home has no runs yet" : `\`rlp runs\` lists the runs there are; the latest is ${latest}`,
    });
  }
  throw new KbError("KB_AMBIGUOUS", `\`${text}\` fits ${found.length === 20 ? "20 or more" : found.length} runs`, {
    hint: `type more of it: ${found.slice(0, 3).join(", ")}${found.length > 3 ? ", …" : ""}`,
  });
}

/** The value behind a stored value. */
export function loadStored(ledger: Pick<Ledger, "blob">, stored: StoredValue): Json {
  return "value" in stored ? stored.value : loadBlob(ledger, stored.blob);
}

export function loadBlob(ledger: Pick<Ledger, "blob">, digest: Digest): Json {
  const blob = ledger.blob(digest);
  if (!blob)
    throw new KbError("KB_NOT_FOUND", `the ledger does not hold the blob ${digest}`, {
      hint: "`rlp kb verify` names everything that is missing",
    });
  return parseJson(Buffer.from(blob.bytes).toString("utf8"), LIMITS);
}
