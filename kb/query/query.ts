/**
 * `rlp kb query`: a person's SQL on the views. SQLite cannot be interrupted from JavaScript, so the statement runs in a process of
 * its own, which is killed when its time is over. That process has a read-only connection to `pog.sqlite` and nothing else.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { builtFile } from "../built.js";
import { KbError } from "../errors.js";
import type { Kb } from "../kb.js";

export interface QueryLimits {
  readonly rows: number;
  /** Of the rows as JSON. */
  readonly bytes: number;
  readonly ms: number;
  /** Resident memory of the query's process, where /proc tells it. */
  readonly memoryBytes: number;
}
export const queryLimits: QueryLimits = { rows: 1000, bytes: 1 << 20, ms: 5000, memoryBytes: 512 << 20 };

export type Cell = null | number | string;

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** The limit that cut the rows short; null when they are all there. */
  readonly cut: "rows" | "bytes" | null;
}

/** What the child is told, on its standard input. */
export interface QueryTask {
  readonly file: string;
  readonly sql: string;
  readonly rows: number;
  readonly bytes: number;
}
/** What the child says, a line each. */
export type QueryLine =
  | { readonly columns: readonly string[] }
  | { readonly row: readonly Cell[] }
  | { readonly end: QueryResult["cut"] }
  | { readonly refused: string };

const SQL_LENGTH = 65_536;

/** One SELECT (or WITH … SELECT). `KB_QUERY` when it is something else, is wrong, or runs into the limit of time or memory. */
export async function query(kb: Kb, sql: string, limits: Partial<QueryLimits> = {}): Promise<QueryResult> {
  const { rows, bytes, ms, memoryBytes } = { ...queryLimits, ...limits };
  checkText(sql);
  await kb.views.catchUp();
  const entry = builtFile("query/query-process.js");
  // Nothing of our environment: a query needs none of it.
  const child = spawn(process.execPath, ["--max-old-space-size=256", entry], { env: {}, stdio: ["pipe", "pipe", "ignore"] });
  let killed: string | undefined;
  const kill = (why: string): void => {
    killed ??= why;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => kill(`took longer than ${ms} ms`), ms);
  const watch = setInterval(
    () => residentBytes(child) > memoryBytes && kill(`needs more than ${memoryBytes >> 20} MiB of memory`),
    25,
  );
  try {
    const ended = new Promise<void>((resolve, reject) => child.once("close", () => resolve()).once("error", reject));
    const task: QueryTask = { file: kb.views.file, sql, rows, bytes };
    // The child may be gone before it has read all of it.
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(task));
    const result = await collect(child);
    await ended;
    if (killed !== undefined)
      throw new KbError("KB_QUERY", `the query ${killed} and was ended`, {
        hint: "narrow it: fewer rows, a WHERE on an indexed column, no unbounded recursion",
      });
    if (!result)
      throw new KbError("KB_QUERY", "the query's process ended without an answer", {
        hint: "it may have run out of memory; narrow the query",
      });
    return result;
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    child.kill("SIGKILL");
  }
}

function checkText(sql: string): void {
  const hint =
    "one SELECT on the views: contacts, documents, chunks, artifacts, edges, runs, run_nodes, run_calls, proposals, costs, entity_history";
  if (sql.length > SQL_LENGTH) throw new KbError("KB_QUERY", `the query is longer than ${SQL_LENGTH} characters`, { hint });
  // A NUL would end the text for SQLite, and hide what follows from its check for a second statement.
  if (sql.includes("\0")) throw new KbError("KB_QUERY", "the query has a NUL character in it", { hint });
  if (!/^(?:\s|--[^\n]*(?:\n|$)|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*(?:select|with)\b/i.test(sql))
    throw new KbError("KB_QUERY", "only SELECT is allowed", { hint });
}

async function collect(child: ChildProcess): Promise<QueryResult | undefined> {
  let columns: readonly string[] = [];
  const rows: (readonly Cell[])[] = [];
  for await (const text of createInterface({ input: child.stdout!, crlfDelay: Infinity })) {
    let line: QueryLine;
    try {
      line = JSON.parse(text) as QueryLine;
    } catch {
      return undefined; // cut off by the kill
    }
    if ("refused" in line)
      throw new KbError("KB_QUERY", line.refused, { hint: "`SELECT name, sql FROM sqlite_schema` shows what there is" });
    if ("columns" in line) columns = line.columns;
    else if ("row" in line) rows.push(line.row);
    else return { columns, rows, cut: line.end };
  }
  return undefined;
}

/** From /proc/<pid>/statm (proc(5)): the second field counts pages of 4 KiB. 0 where there is no /proc. */
function residentBytes({ pid }: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}
