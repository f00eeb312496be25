/** `inputs:` and `outputs:`: the ports of an opening where another one uses it. */
import type { Json, JsonObject } from "#core/json.js";
import { IDENTIFIER } from "#core/ids.js";
import { ANY, TYPE_NAME } from "../types/registry.js";
import { quoted } from "./diagnostic.js";
import type { Draft, DraftInput, PlacedRef } from "./draft.js";
import { parsePortRef } from "./expression.js";
import { asText, Fields, identifierHint } from "./fields.js";
import { readReference } from "./read-reference.js";
import type { Reporter } from "./reporter.js";
import type { MapEntry, Tree } from "./tree.js";
import { inputKeys } from "./vocabulary.js";

/** `given` are the caller's parameters: one that is named like an input is that input's value. */
export function readInputs(report: Reporter, fields: Fields, given: JsonObject): Draft["inputs"] {
  const tree = fields.map("inputs");
  if (!tree) return null;
  const inputs = named(report, tree.entries, "an input").flatMap((entry): readonly [string, DraftInput][] => {
    const read = readInput(report, entry);
    const value: Json | undefined = Object.hasOwn(given, entry.key) ? given[entry.key] : undefined;
    return read ? [[entry.key, { ...read, span: entry.keySpan, ...(value !== undefined && { value }) }]] : [];
  });
  return Object.fromEntries(inputs);
}

function readInput(report: Reporter, { key, value }: MapEntry): Pick<DraftInput, "type" | "required"> | null {
  if (value.kind !== "map") {
    const type = typeName(report, value, `the input ${quoted(key)}`);
    return type === undefined ? null : { type, required: true };
  }
  const fields = new Fields(report, value, { what: `the input ${quoted(key)}`, keys: inputKeys });
  const entry = fields.required("type", "name a port type, such as text.v1");
  const type = entry && typeName(report, entry.value, "`type`");
  return type === undefined ? null : { type, required: fields.boolean("required") ?? true };
}

function typeName(report: Reporter, tree: Tree, what: string): string | undefined {
  const text = asText(report, tree, what, "name a port type, such as text.v1");
  if (!text || text.value === ANY || TYPE_NAME.test(text.value)) return text?.value;
  report.error(
    "OPENING_IDENTIFIER",
    text.span,
    `${quoted(text.value)} is not a type's name`,
    "type names look like contact.list.v1",
  );
  return undefined;
}

export function readOutputs(report: Reporter, fields: Fields): Draft["outputs"] {
  const tree = fields.map("outputs");
  if (!tree) return null;
  const outputs = named(report, tree.entries, "an output").flatMap(({ key, value }): readonly [string, PlacedRef][] => {
    const read = readReference(report, value, `the output ${quoted(key)}`, parsePortRef);
    return read ? [[key, { ref: read.value, nodeSpan: read.nodeSpan, portSpan: read.portSpan }]] : [];
  });
  return Object.fromEntries(outputs);
}

function named(report: Reporter, entries: readonly MapEntry[], what: string): readonly MapEntry[] {
  return entries.filter(({ key, keySpan }) => {
    if (IDENTIFIER.test(key)) return true;
    report.error("OPENING_IDENTIFIER", keySpan, `the name of ${what}, ${quoted(key)}, is not an identifier`, identifierHint(key));
    return false;
  });
}
