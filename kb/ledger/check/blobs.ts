/** Whether each blob's bytes are what its digest says. */
import { blake3, type Digest } from "#core/digest.js";
import type { Db } from "../../files.js";
import { orDamage } from "./damage.js";
import { MAX_PROBLEMS, type Problem, type Stretch } from "./problem.js";

export function checkBlobs(db: Db, { from, to }: Stretch): { readonly blobs: number; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  let blobs = 0;
  orDamage(
    db,
    (what) => problems.push({ id: null, what }),
    () => {
      // One at a time: a blob may be as large as memory allows.
      const next = db
        .prepare<[number, number], [number, Uint8Array, Uint8Array]>(
          "SELECT rowid, hash, bytes FROM blobs WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT 1",
        )
        .raw();
      const user = db
        .prepare<[string], number>("SELECT id FROM events WHERE instr(payload_json, ?) > 0 ORDER BY id LIMIT 1")
        .pluck();
      for (let rowid = from; problems.length < MAX_PROBLEMS;) {
        const found = next.get(rowid, to);
        if (!found) return;
        blobs++;
        rowid = found[0] + 1;
        const digest = Buffer.from(found[1]).toString("hex") as Digest;
        if (blake3(found[2]) !== digest)
          problems.push({ id: user.get(digest) ?? null, what: `the blob ${digest} was altered: its bytes have another digest` });
      }
    },
  );
  return { blobs, problems };
}
