/**
 * A written answer in the form in which it crosses to the guest, held against the WIT first: a slip in a test is named where it
 * stands. Written more freely than it travels: JSON text may be written as the value it holds, a variant as `{done: …}`.
 */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { WitType } from "../component/type.js";

/** The answer does not have the function's type. */
export class AnswerMisfit extends Error {}

const misfit = (at: string, what: string): never => {
  throw new AnswerMisfit(`${at || "the value"} is not ${what}`);
};

/** As the WIT's kebab-case names stand in JSON. */
const member = (name: string): string => name.replaceAll("-", "_");

export function wireForm(type: WitType, value: Json, at = ""): Json {
  switch (type.kind) {
    case "string":
      return typeof value === "string" ? value : JSON.stringify(value);
    case "bool":
      return typeof value === "boolean" ? value : misfit(at, "true or false");
    case "u8":
    case "u16":
    case "u32":
      return whole(value, 2 ** Number(type.kind.slice(1))) ? value : misfit(at, `a whole number of type ${type.kind}`);
    case "u64":
      return whole(value, Number.MAX_SAFE_INTEGER) || (typeof value === "string" && /^[0-9]{1,19}$/.test(value))
        ? value
        : misfit(at, "a whole number");
    case "f32":
    case "f64":
      return typeof value === "number" ? value : misfit(at, "a number");
    case "list":
      // Bytes travel as base64; a case writes the text that they are.
      if (type.of.kind === "u8" && typeof value === "string") return Buffer.from(value).toString("base64");
      return Array.isArray(value)
        ? value.map((item: Json, index) => wireForm(type.of, item, `${at}/${index}`))
        : misfit(at, "a list");
    case "tuple":
      return Array.isArray(value) && value.length === type.items.length
        ? type.items.map((item, index) => wireForm(item, value[index] as Json, `${at}/${index}`))
        : misfit(at, `a list of ${type.items.length}`);
    case "option":
      return value === null ? null : wireForm(type.of, value, at);
    case "record":
      return record(type.fields, value, at);
    case "variant":
      return variant(type.cases, value, at);
    case "enum":
      return typeof value === "string" && type.names.includes(value) ? value : misfit(at, `one of ${type.names.join(", ")}`);
    default:
      return misfit(at, `something that a case can write down (${type.kind})`);
  }
}

function whole(value: Json, below: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < below;
}

function record(fields: readonly (readonly [string, WitType])[], value: Json, at: string): Json {
  if (!isJsonObject(value)) return misfit(at, "a mapping");
  const names = fields.map(([name]) => member(name));
  const stray = Object.keys(value).find((name) => !names.includes(name));
  if (stray !== undefined) return misfit(`${at}/${stray}`, `a member; there are: ${names.join(", ")}`);
  return Object.fromEntries(
    fields.map(([name, type]) => {
      const key = member(name);
      if (!Object.hasOwn(value, key)) return misfit(`${at}/${key}`, "there");
      return [key, wireForm(type, value[key] as Json, `${at}/${key}`)];
    }),
  ) as JsonObject;
}

function variant(cases: readonly (readonly [string, WitType | null])[], value: Json, at: string): Json {
  const [written] = isJsonObject(value) ? Object.entries(value) : [];
  const found = cases.find(([name]) => name === written?.[0]);
  if (!written || !found) return misfit(at, `one of ${cases.map(([name]) => `{${name}: …}`).join(", ")}`);
  const [tag, type] = found;
  return { tag, ...(type && { val: wireForm(type, written[1], `${at}/${tag}`) }) };
}
