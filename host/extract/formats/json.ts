/** JSON and NDJSON: each record is a part of its own, as lines `name: value`. */
import type { Json, JsonObject } from "#core/json.js";
import { RECORDS_TYPE } from "#kb/documents/media-types.js";
import type { Extracted, ParsedFormat } from "#kb/ingest/extract.js";

const RECORDS = 200_000;
const DEPTH = 64;
/** What names a record, in this order. */
const NAMES = ["title", "name", "subject", "id"];

export function parse(bytes: Uint8Array, format: ParsedFormat): Extracted {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const values = format === "ndjson" ? lineValues(text) : arrayOf(JSON.parse(text) as Json);
  if (values.length > RECORDS) throw new Error(`it has ${values.length} records, ${RECORDS} are the most`);
  const title = values.length === 1 ? nameOf(values[0]!) : undefined;
  return {
    text: values.map((value) => [...lines(value, "", 0)].join("\n").replaceAll("\f", " ")).join("\n\f\n"),
    title,
    mediaType: RECORDS_TYPE,
  };
}

const arrayOf = (value: Json): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [value]);

function lineValues(text: string): readonly Json[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as Json];
    } catch (cause) {
      throw new Error(`line ${index + 1} is not JSON: ${(cause as Error).message}`, { cause });
    }
  });
}

const isJsonObject = (value: Json): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

function nameOf(value: Json): string | undefined {
  const found = isJsonObject(value)
    ? NAMES.map((name) => value[name]).find((name) => typeof name === "string" && name !== "")
    : undefined;
  return typeof found === "string" ? found : undefined;
}

function* lines(value: Json, name: string, depth: number): Iterable<string> {
  if (depth > DEPTH) throw new Error(`it is nested deeper than ${DEPTH}`);
  if (Array.isArray(value)) for (const element of value) yield* lines(element as Json, name, depth + 1);
  else if (isJsonObject(value))
    for (const [key, member] of Object.entries(value)) yield* lines(member, name === "" ? key : `${name}.${key}`, depth + 1);
  else if (value !== null && value !== "") yield name === "" ? String(value) : `${name}: ${String(value)}`;
}
