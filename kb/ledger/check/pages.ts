/** SQLite's own check: that indexes say what the table says, that columns hold their types, that no page is used twice or lost. */
import type { Db } from "../../files.js";
import { orDamage } from "./damage.js";
import type { Problem } from "./problem.js";

export function checkPages(db: Db): readonly Problem[] {
  const problems: Problem[] = [];
  const say = (what: string): void => void problems.push({ id: null, what });
  orDamage(db, say, () => {
    for (const said of db.prepare<[], string>("PRAGMA integrity_check(5)").pluck().all()) if (said !== "ok") say(said);
  });
  return problems;
}
