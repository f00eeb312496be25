/**
 * An agent's own tests, `tests/*.yaml`: one case or a list of cases a file. What goes in, what the host answers to each function in
 * order, and what must come out.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isNode, LineCounter, parseDocument, type Document } from "yaml";
import * as z from "zod";
import { UsageError, type Place } from "#core/errors.js";
import { canonicalJson, isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { callError } from "#core/values.js";
import { IDENTIFIER } from "#core/ids.js";

const FILE_BYTES = 1 << 20;
const MOST_FILES = 256;
/** 2026-01-01T00:00:00Z: where the agent's clock starts unless a case says otherwise. */
const EPOCH_MS = 1_767_225_600_000;

const json = z.custom<Json>((value) => value !== undefined, "must be a value");
const object = z.custom<JsonObject>(isJsonObject, "must be a mapping");
const port = z.string().regex(IDENTIFIER, "must be the name of a port");
const type = z.string().max(256);
const args = z.array(json).max(16).optional();
const answer = z.union([z.strictObject({ args, ok: json }), z.strictObject({ args, err: callError })], {
  error: "must hold `ok` with a value or `err` with `code` and `message`, and may hold `args`",
});

const trialCase = z.strictObject({
  name: z.string().min(1).max(200),
  with: object.default({}),
  /** One message a port, of the port's (first) type. */
  inputs: z.record(port, json).default({}),
  /** Further messages: several on one port, or with labels. */
  messages: z
    .array(z.strictObject({ port, type: type.optional(), body: json, labels: z.array(z.string().max(256)).max(64).default([]) }))
    .max(1024)
    .default([]),
  answers: z.record(z.string().max(128), z.array(answer).max(10_000)).default({}),
  /** What stands in the granted directories: texts by absolute path. */
  files: z.record(z.string().max(4096), z.string()).default({}),
  attempt: z.int().min(1).max(1000).default(1),
  state: z.record(z.string().max(256), z.string()).default({}),
  seed: z.int().min(0).default(0),
  epoch_ms: z.int().min(0).default(EPOCH_MS),
  expect: z
    .strictObject({
      ports: z.record(port, json).optional(),
      messages: z.array(z.strictObject({ port, type: type.optional(), body: json })).optional(),
      failure: z.strictObject({ code: z.string(), message: z.string().optional(), retryable: z.boolean().optional() }).optional(),
      state: z.record(z.string(), z.string()).optional(),
      /** What the attempt leaves: every file. */
      files: z.record(z.string().max(4096), z.string()).optional(),
    })
    .refine(
      ({ ports, messages, failure }) => [ports, messages, failure].filter((each) => each !== undefined).length === 1,
      "must hold one of `ports`, `messages` and `failure`",
    ),
});

export type TrialCase = z.infer<typeof trialCase> & { readonly file: string };
export type ScriptedAnswer = z.infer<typeof answer>;

/** The cases of a bundle, by file name and in the order of the files. Throws `USAGE_NOT_FOUND` where there are none. */
export async function readCases(bundle: string): Promise<readonly TrialCase[]> {
  const folder = join(bundle, "tests");
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  if (names.length > MOST_FILES)
    throw new UsageError("USAGE", `more than ${MOST_FILES} files of cases`, { place: { file: folder } });
  const cases = (await Promise.all(names.map((name) => readFileOfCases(join(folder, name))))).flat();
  if (cases.length === 0)
    throw new UsageError("USAGE_NOT_FOUND", "the agent has no cases", {
      place: { file: folder },
      hint: "a case is a `.yaml` file in tests/: docs/guides/writing-agents.md shows one",
    });
  return cases;
}

async function readFileOfCases(file: string): Promise<readonly TrialCase[]> {
  const { size } = await stat(file);
  if (size > FILE_BYTES) throw wrong(`the file is larger than ${FILE_BYTES} bytes`, { file });
  return parseCases(await readFile(file, "utf8"), file);
}

/** Throws `USAGE` with the line of what is wrong. */
export function parseCases(text: string, file: string): readonly TrialCase[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, merge: false });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw wrong(fault.message, at(fault.pos[0]));
  const value = plain(document, file);
  const list = Array.isArray(value) ? value : [value];
  return list.map((each, index) => {
    const result = trialCase.safeParse(each);
    if (result.success) return { ...result.data, file };
    const issue = result.error.issues[0];
    const path = [...(Array.isArray(value) ? [index] : []), ...(issue?.path ?? [])] as (string | number)[];
    throw wrong(`\`${path.join(".")}\`: ${issue?.message ?? "is no case"}`, placeOf(document, path, file, at));
  });
}

function plain(document: Document, file: string): Json {
  try {
    // Anchors have no use in a case, and a kilobyte of them could unfold to gigabytes.
    const value = document.toJS({ maxAliasCount: 0 }) as Json;
    canonicalJson(value); // refuses infinities and what else JSON has no form for
    return value;
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), { file });
  }
}

/** Of the node at the path, or of the nearest one above that is there. */
function placeOf(document: Document, path: readonly (string | number)[], file: string, at: (offset: number) => Place): Place {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return at(node.range[0]);
  }
  return { file };
}

const wrong = (message: string, place: Place): UsageError => new UsageError("USAGE", message, { place });
