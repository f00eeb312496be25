/** Takes translated components out of the cache that neither a run nor an agent of this home can ask for. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "#core/digest.js";
import { limitTable } from "../limits/table.js";
import { admissionName } from "./admit.js";

export interface Swept {
  readonly files: number;
  readonly bytes: number;
  readonly kept: { readonly files: number; readonly bytes: number };
}

/**
 * A file is named by the component, the toolchain and the memory that it was translated for, so what is needed can be listed and what a
 * file holds need not be read. One that is dropped by mistake is made again when it is asked for.
 */
export async function sweepCache(cacheDir: string, needed: ReadonlySet<Digest>, { dryRun = false } = {}): Promise<Swept> {
  const dir = join(cacheDir, "components");
  const names = new Set<string>();
  for (const digest of needed)
    for (let mib = 1; mib <= limitTable.memory_mib.most; mib++) names.add(`${await admissionName(digest, mib)}.rlp`);
  let [files, bytes, keptFiles, keptBytes] = [0, 0, 0, 0];
  for (const name of list(dir)) {
    const size = statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0;
    if (names.has(name)) {
      keptFiles++;
      keptBytes += size;
      continue;
    }
    files++;
    bytes += size;
    if (!dryRun) rmSync(join(dir, name), { force: true });
  }
  return { files, bytes, kept: { files: keptFiles, bytes: keptBytes } };
}

function list(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
