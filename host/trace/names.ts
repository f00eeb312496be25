/** Names in a run from elsewhere: what a terminal would act on, or nobody can see, is no name that an rlp has written. */
import { DataError } from "#core/errors.js";
import type { RunEvent } from "#core/events.js";
import { isJsonObject, type Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";

/** Members of a `meta` whose values are names. Texts (messages, reasons, what agents say) may hold anything, and are shown with care. */
const NAMES: ReadonlySet<string> = new Set([
  "node",
  "agent",
  "opening_name",
  "from",
  "to",
  "port",
  "type",
  "interface",
  "function",
  "action",
  "cap",
  "op",
  "scope",
  "unit",
  "limit",
  "kind",
]);
/** Members whose own keys are names. */
const KEYED: ReadonlySet<string> = new Set(["components", "grants", "limits", "trust", "agent_dirs"]);

/** Throws `DATA_BAD_EVENT` with the pointer of the first name that has something hidden in it. */
export function checkNames({ meta }: RunEvent): void {
  for (const [key, value] of Object.entries(meta as Readonly<Record<string, Json>>)) {
    if (NAMES.has(key)) for (const name of Array.isArray(value) ? value : [value]) check(name, `/meta/${key}`);
    if (KEYED.has(key) && isJsonObject(value)) for (const name of Object.keys(value)) check(name, `/meta/${key}`);
    if (key === "nodes" && Array.isArray(value))
      for (const each of value) if (isJsonObject(each)) check(each["node"] ?? null, `/meta/${key}`);
  }
}

function check(name: Json, pointer: string): void {
  if (typeof name !== "string" || visibleLine(name) === name) return;
  throw new DataError(
    "DATA_BAD_EVENT",
    `\`${visibleLine(name).slice(0, 80)}\` is no name: it holds characters that nobody sees`,
    {
      place: { pointer },
    },
  );
}
