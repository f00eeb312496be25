/** A digest over the content of every view and of the full-text index: equal after a rebuild, whatever the pages look like. */
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson } from "#core/json.js";
import type { Db } from "../files.js";
import { viewTables } from "./schema.js";

export function viewsDigest(db: Db): Digest {
  const sources = [
    ...Object.entries(viewTables).map(([table, order]) =>
      // When the views were begun is no content.
      table === "meta"
        ? "SELECT * FROM meta WHERE name NOT IN ('begun_at', 'dirty') ORDER BY name"
        : `SELECT * FROM ${table} ORDER BY ${order}`,
    ),
    `SELECT * FROM chunk_terms ORDER BY term, doc, col, "offset"`,
  ];
  let digest = blake3();
  for (const sql of sources) {
    digest = blake3(digest, sql);
    for (const row of db.prepare(sql).raw().iterate()) digest = blake3(digest, canonicalJson(row));
  }
  return digest;
}
