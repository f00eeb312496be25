/** Contacts as NDJSON: one `{"name", "email", "org"?, "trust"?}` a line. */
import * as z from "zod";
import { isJsonObject, parseJson, type JsonObject } from "#core/json.js";

export interface ContactRecord {
  readonly name: string;
  readonly email: string;
  readonly org?: string | undefined;
  readonly trust?: number | undefined;
}

const LINE_LENGTH = 65_536;

/** One line of text: no line breaks, no other control characters, which could forge headers or lines further on. */
const label = (max: number) =>
  z
    .string()
    .transform((text) =>
      text
        .normalize("NFC")
        .replaceAll(/[ \t]+/g, " ")
        .trim(),
    )
    .pipe(
      z
        .string()
        .min(1, "is empty")
        .max(max)
        .regex(/^[^\p{Cc}\u2028\u2029]*$/u, "has control characters")
        .refine((text) => text.isWellFormed(), "is not well-formed text"),
    );

const contact = z.object({
  name: label(512),
  email: label(320).pipe(z.string().regex(/^[^\s@<>(),;:"\\]+@[^\s@<>(),;:"\\]+$/, "is not an e-mail address")),
  org: label(512).optional(),
  trust: z.number().min(0).max(1).optional(),
});

export type ContactLine =
  | {
      readonly line: number;
      readonly contact: ContactRecord;
      /** Keys that a contact has no place for. */ readonly unused: readonly string[];
    }
  | { readonly line: number; readonly problem: string };

/** Reads line by line; a bad line is a problem of its own. Lines count from 1, empty ones are passed over. */
export function* contactLines(text: string): Iterable<ContactLine> {
  let line = 0;
  for (const raw of text.replace(/^\ufeff/, "").split("\n")) {
    line++;
    if (raw.trim() !== "") yield { line, ...readLine(raw) };
  }
}

function readLine(
  raw: string,
): { readonly problem: string } | { readonly contact: ContactRecord; readonly unused: readonly string[] } {
  if (raw.length > LINE_LENGTH) return { problem: `longer than ${LINE_LENGTH} characters` };
  let value: JsonObject;
  try {
    const parsed = parseJson(raw, { bytes: LINE_LENGTH * 3, depth: 8, elements: 1000 });
    if (!isJsonObject(parsed)) return { problem: "not a JSON object" };
    value = parsed;
  } catch (cause) {
    return { problem: `not JSON: ${(cause as Error).message}` };
  }
  const result = contact.safeParse(value);
  if (result.success)
    return { contact: result.data, unused: Object.keys(value).filter((key) => !Object.hasOwn(contact.shape, key)) };
  const issue = result.error.issues[0]!;
  const key = issue.path.join(".");
  const missing = issue.code === "invalid_type" && key !== "" && !Object.hasOwn(value, key);
  return { problem: missing ? `\`${key}\` is missing` : `\`${key}\`: ${issue.message}` };
}

/** Whether NDJSON whose name does not say what it is holds contacts: its first line is an object with an address. */
export function looksLikeContacts(text: string): boolean {
  const first = text.split("\n", 1)[0]!;
  if (!/^\s*\{/.test(first) || first.length > LINE_LENGTH) return false;
  try {
    const value: unknown = JSON.parse(first);
    return isJsonObject(value) && typeof value["email"] === "string";
  } catch {
    return false;
  }
}
