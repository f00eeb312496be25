/** The knowledge base's quota: a warning first, then the ledger takes no more. */
import type { Config } from "./schema.js";

const PAGE = 4096;
/** Part of the quota from which on there is a warning. */
const NEARLY = 0.9;

/** The quota as an option of the ledger: its upper bound in pages. */
export function maxPages({ quota_mib }: Pick<Config["kb"], "quota_mib">): { readonly maxPages?: number } {
  return quota_mib === null ? {} : { maxPages: Math.floor((quota_mib * 2 ** 20) / PAGE) };
}

/** A warning where `bytes`, of ledger and views, are nearly the quota; null where they are not. */
export function quotaWarning({ quota_mib }: Pick<Config["kb"], "quota_mib">, bytes: number): string | null {
  if (quota_mib === null || bytes < NEARLY * quota_mib * 2 ** 20) return null;
  const used = Math.round(bytes / 2 ** 20);
  return `the knowledge base takes ${used} of ${quota_mib} MiB (\`kb.quota_mib\`): at that size the ledger takes nothing more; \`rlp kb gc\` may help`;
}
