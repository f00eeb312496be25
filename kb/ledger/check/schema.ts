/** Whether the file consists of the tables, indexes and triggers that we made. */
import type { Db } from "../../files.js";
import { LEDGER_SCHEMA, ledgerObjects } from "../schema.js";
import type { Problem } from "./problem.js";

/** What the second version of the schema has added. */
const SINCE_2: readonly string[] = ["checkpoints", "seals"];

export function checkSchema(db: Db): readonly Problem[] {
  const problems: Problem[] = [];
  const say = (what: string): void => void problems.push({ id: null, what });
  const version = db.pragma("user_version", { simple: true }) as number;
  const found = new Map(
    db
      .prepare<[], [string, string, string]>("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL")
      .raw()
      .all()
      .map(([name, type, sql]) => [name, { type, sql }]),
  );
  for (const [name, sql] of Object.entries(ledgerObjects)) {
    if (version < LEDGER_SCHEMA && SINCE_2.includes(name)) continue;
    const type = /^CREATE (?:UNIQUE )?(\w+)/.exec(sql)![1]!.toLowerCase();
    const guards = type === "trigger" ? ": rows could have been changed or removed" : "";
    if (!found.has(name)) say(`the ${type} \`${name}\` is missing${guards}`);
    else if (found.get(name)!.sql !== sql) say(`the ${type} \`${name}\` is not the one that rlp made${guards}`);
  }
  for (const [name, { type }] of found)
    if (type === "trigger" && !Object.hasOwn(ledgerObjects, name)) say(`the trigger \`${name}\` was not made by rlp`);
  return problems;
}
