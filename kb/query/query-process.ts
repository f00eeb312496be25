/** The process that runs one query and ends. It sees one file, and that for reading only. */
import { readFileSync, writeSync } from "node:fs";
import { openReadOnly } from "../files.js";
import { viewsKind } from "../views/schema.js";
import type { Cell, QueryLine, QueryTask } from "./query.js";

function say(line: QueryLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (cause) {
      // A pipe may be set not to block; the reader is slower than we are.
      if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") throw cause;
    }
  }
}

function run({ file, sql, rows, bytes }: QueryTask): void {
  const db = openReadOnly(file, viewsKind);
  db.pragma("query_only = ON");
  db.pragma("trusted_schema = OFF");
  // Large sorts go to memory, which the parent watches, and not to the disk.
  db.pragma("temp_store = MEMORY");
  const statement = db.prepare<[], unknown[]>(sql);
  if (!statement.readonly || !statement.reader) return say({ refused: "only SELECT is allowed" });
  say({ columns: statement.columns().map((column) => column.name) });
  let [count, size] = [0, 0];
  for (const values of statement.raw().iterate()) {
    const row = values.map(cell);
    size += JSON.stringify(row).length;
    if (count === rows || size > bytes) return say({ end: count === rows ? "rows" : "bytes" });
    count++;
    say({ row });
  }
  say({ end: null });
}

/** JSON has no blobs and no infinities. */
function cell(value: unknown): Cell {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return String(value);
}

try {
  run(JSON.parse(readFileSync(0, "utf8")) as QueryTask);
} catch (cause) {
  say({ refused: cause instanceof Error ? cause.message : String(cause) });
}
