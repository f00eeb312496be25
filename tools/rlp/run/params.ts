/** `--params JSON|@file` and `--param key=value`: the parameters of a run, from words. */
import { UsageError } from "#core/errors.js";
import { isJsonObject, parseJson, type Json, type JsonObject } from "#core/json.js";

function bad(message: string, hint: string, cause?: unknown): UsageError {
  return new UsageError("USAGE_BAD_PARAM", message, { hint, cause });
}

/** `readFile` is given the name behind `@` and gives the file's text. */
export function readParams(
  params: string | undefined,
  single: readonly string[],
  readFile: (name: string) => string,
): JsonObject {
  let merged = params === undefined ? {} : readWhole(params, readFile);
  for (const word of single) merged = withParam(merged, word);
  return merged;
}

function readWhole(params: string, readFile: (name: string) => string): JsonObject {
  const where = params.startsWith("@") ? params.slice(1) : "--params";
  let value: Json;
  try {
    value = parseJson(params.startsWith("@") ? readFile(where).replace(/^\ufeff/, "") : params);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw bad(
      `the parameters in ${where} cannot be read: ${what}`,
      `--params '{"recipient": "ada"}' or --params @params.json`,
      cause,
    );
  }
  if (!isJsonObject(value)) throw bad(`the parameters in ${where} are not a JSON object`, `--params '{"recipient": "ada"}'`);
  return value;
}

function withParam(into: JsonObject, word: string): JsonObject {
  const equals = word.indexOf("=");
  if (equals < 1)
    throw bad(
      `\`--param ${word}\` has no \`key=value\``,
      "--param recipient=ada, or --param mail.subject=Hello for a nested key",
    );
  const keys = word.slice(0, equals).split(".");
  if (keys.some((key) => key === "" || key === "__proto__"))
    throw bad(`\`${word.slice(0, equals)}\` is not a parameter's name`, "names are separated by single dots: mail.subject");
  return put(into, keys, readValue(word.slice(equals + 1), word.slice(0, equals)), word.slice(0, equals));
}

function put(into: JsonObject, [key = "", ...rest]: readonly string[], value: Json, name: string): JsonObject {
  if (rest.length === 0) return { ...into, [key]: value };
  const inner = Object.hasOwn(into, key) ? (into[key] ?? {}) : {};
  if (!isJsonObject(inner))
    throw bad(`\`--param ${name}\`: \`${key}\` is already a value that holds no keys`, "give either the value or its keys");
  return { ...into, [key]: put(inner, rest, value, name) };
}

/**
 * Numbers, `true`, `false`, `null` keep their type, what begins with `"`, `{` or `[` must be JSON, everything else is text. A number
 * that a double cannot hold exactly (a long account number) stays text: it was meant digit by digit.
 */
function readValue(text: string, name: string): Json {
  if (text === "true" || text === "false" || text === "null") return JSON.parse(text) as Json;
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) {
    const number = Number(text);
    const exact = Number.isFinite(number) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(number));
    return exact ? number : text;
  }
  if (!/^["{[]/.test(text)) return text;
  try {
    return parseJson(text);
  } catch (cause) {
    throw bad(
      `\`--param ${name}\`: the value begins like JSON and is none`,
      `text that begins with ", { or [ goes into quotes: --param '${name}="…"'`,
      cause,
    );
  }
}
