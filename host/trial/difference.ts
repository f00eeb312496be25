/** Where two values differ, one line each: the JSON pointer, what was expected, what came. */
import { canonicalJson, isJsonObject, type Json } from "#core/json.js";

const MOST = 20;
const SHOWN = 200;

export function differences(expected: Json, got: Json): readonly string[] {
  const found: string[] = [];
  compare(expected, got, "", found);
  return found.length > MOST ? [...found.slice(0, MOST), `: and ${found.length - MOST} more`] : found;
}

function compare(expected: Json | undefined, got: Json | undefined, at: string, found: string[]): void {
  if (Array.isArray(expected) && Array.isArray(got)) {
    for (let i = 0; i < Math.max(expected.length, got.length); i++)
      compare(expected[i] as Json | undefined, got[i] as Json | undefined, `${at}/${i}`, found);
    return;
  }
  if (isJsonObject(expected) && isJsonObject(got)) {
    for (const name of [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort()) {
      const key = name.replaceAll("~", "~0").replaceAll("/", "~1");
      compare(own(expected, name), own(got, name), `${at}/${key}`, found);
    }
    return;
  }
  if (expected !== undefined && got !== undefined && canonicalJson(expected) === canonicalJson(got)) return;
  found.push(`${at}: expected ${shown(expected)}, got ${shown(got)}`);
}

const own = (value: { readonly [key: string]: Json }, name: string): Json | undefined =>
  Object.hasOwn(value, name) ? value[name] : undefined;

function shown(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  const text = canonicalJson(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
