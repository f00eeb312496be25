/** TOML files of a bundle, read against closed schemas: the first thing that is wrong is named with its line and a suggestion. */
import { parse, TomlError } from "smol-toml";
import * as z from "zod";
import { nearest } from "#core/nearest.js";
import type { Place } from "#core/errors.js";
import { INTERPRETED } from "#core/schema.js";

/** Something is wrong in a TOML file. The caller turns it into an error of its own family. */
export class TomlProblem extends Error {
  readonly place: Place;
  readonly hint: string | undefined;
  constructor(message: string, place: Place, hint?: string) {
    super(message);
    this.place = place;
    this.hint = hint;
  }
}

/** Larger files are neither a manifest nor a policy. */
const BYTES = 256 * 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true });
/** Deeper tables mean nothing to anyone. */
const DEPTH = 32;

/**
 * What was read before, by its text: a process that runs many openings meets the same few files each time, and to parse them and hold them
 * against a schema takes a fifth of what it takes to load an agent. Frozen, since several have it.
 */
const known = new WeakMap<z.ZodType, Map<string, unknown>>();
/** Files of a schema that are kept, and the largest text: longer ones are seldom, and are told apart by their length alone at first. */
const KEPT = 64;
const KEPT_UNITS = 16_000;

/** The same bytes give the same value, which nobody can change. Throws `TomlProblem`. */
export function readToml<T>(bytes: Uint8Array, file: string, schema: z.ZodType<T>): T {
  if (bytes.length > BYTES) throw new TomlProblem(`the file is larger than ${BYTES} bytes`, { file });
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new TomlProblem("the file is not UTF-8 text", { file });
  }
  const kept = known.get(schema) ?? new Map<string, unknown>();
  const before = kept.get(text);
  if (before !== undefined) return before as T;
  let value: unknown;
  try {
    value = parse(text, { maxDepth: DEPTH });
  } catch (error) {
    if (!(error instanceof TomlError)) throw new TomlProblem(error instanceof Error ? error.message : String(error), { file });
    const [first = "not TOML"] = error.message.split("\n");
    throw new TomlProblem(first, { file, line: error.line, column: error.column });
  }
  const result = schema.safeParse(value, INTERPRETED);
  if (!result.success) throw problem(result.error.issues[0]!, text, file, schema);
  const read = frozen(result.data);
  if (text.length > KEPT_UNITS) return read;
  if (kept.size === KEPT) kept.delete(kept.keys().next().value!);
  known.set(schema, kept.set(text, read));
  return read;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

function problem(issue: z.core.$ZodIssue, text: string, file: string, schema: z.ZodType): TomlProblem {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const known = nearest(key, keysAt(schema, path));
    const keys = keysAt(schema, path);
    return new TomlProblem(
      `unknown key \`${[...path, key].join(".")}\``,
      { file, ...lineOf(text, key) },
      known ? `did you mean \`${known}\`?` : keys.length > 0 ? `there are: ${keys.join(", ")}` : undefined,
    );
  }
  if (issue.code === "invalid_key" && issue.issues[0])
    return new TomlProblem(`\`${path.join(".")}\`: ${issue.issues[0].message}`, { file, ...lineOf(text, path.at(-1) ?? "") });
  const where = path.length > 0 ? `\`${path.join(".")}\`: ` : "";
  const named = path.findLast((part) => !/^[0-9]+$/.test(part));
  return new TomlProblem(`${where}${issue.message}`, { file, ...(named !== undefined && lineOf(text, named)) });
}

/** Where a key stands, found by its text: TOML readers keep no positions. Nothing where it cannot be told. */
function lineOf(text: string, key: string): { line?: number } {
  const lines = text.split("\n");
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = lines.findIndex((line) => new RegExp(`(?:^|[{,\\s."'[])${quoted}["']?\\s*(?:=|\\.|\\])`).test(line));
  return found < 0 ? {} : { line: found + 1 };
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let at: unknown = schema;
  for (const part of path) at = inner(at, part);
  at = bare(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function inner(schema: unknown, key: string): unknown {
  const at = bare(schema);
  if (at instanceof z.ZodObject) return (at.shape as Record<string, unknown>)[key];
  if (at instanceof z.ZodRecord) return at.valueType;
  if (at instanceof z.ZodArray) return at.element;
  if (at instanceof z.ZodUnion) return at.options.find((option) => bare(option) instanceof z.ZodObject);
  return undefined;
}

function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return bare(schema.unwrap());
  if (schema instanceof z.ZodPipe) return bare(schema.in);
  return schema;
}
