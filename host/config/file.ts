/** A config file: YAML to settings with positions, read as what it is, a text that a person wrote and may have got wrong. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument, type Document, type ParsedNode, type YAMLMap } from "yaml";
import type { Place } from "#core/errors.js";
import type { Json } from "#core/json.js";
import { leaves, keysOf } from "./keys.js";
import { layerOf, type Environment, type Findings, type Layer, type Setting } from "./layer.js";

/** Larger files are no config. */
const BYTES = 1 << 18;

export interface ConfigFile {
  readonly layer: Layer;
  /** The `policy` section, by dotted key. */
  readonly policy: ReadonlyMap<string, Setting>;
}

export interface FileRole {
  readonly kind: "user" | "system";
  /** A file that was named by a person must be there. */
  readonly required: boolean;
}

/** Reads a config file; a file that is not there is an empty layer unless it is required. Nothing is thrown for what it holds. */
export function readConfigFile(file: string, role: FileRole, env: Environment, found: Findings): ConfigFile {
  const empty = { layer: { kind: role.kind, settings: new Map() }, policy: new Map() };
  const text = readText(file, role, found);
  if (text === undefined) return empty;
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, merge: false });
  const at = (offset: number | undefined): Place => {
    if (offset === undefined) return { file };
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  for (const error of [...doc.errors, ...doc.warnings])
    found.issues.push({ message: `not a config file: ${error.message}`, place: at(error.pos[0]) });
  if (doc.errors.length > 0 || doc.warnings.length > 0 || doc.contents === null) return empty;
  if (!isMap(doc.contents)) {
    found.issues.push({ message: "a config file holds keys and values", place: at(doc.contents.range[0]) });
    return empty;
  }
  const settings = [...settingsOf(doc, doc.contents, "", at, found)];
  const policy = settings.filter(({ path }) => path === "policy" || path.startsWith("policy."));
  const rest = settings.filter((setting) => !policy.includes(setting));
  return {
    layer: layerOf(role.kind, rest, dirname(file), env, found),
    policy: policyOf(policy, role, dirname(file), env, found),
  };
}

function readText(file: string, role: FileRole, found: Findings): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if ((code === "ENOENT" || code === "ENOTDIR") && !role.required) return undefined;
    const what =
      code === "ENOENT" ? "there is no such config file" : code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    found.issues.push({ message: `${what}`, place: { file }, hint: "`rlp config path` shows which files are read" });
    return undefined;
  }
  if (bytes.length > BYTES || bytes.includes(0)) {
    found.issues.push({ message: bytes.includes(0) ? "is not text" : `is larger than ${BYTES} bytes`, place: { file } });
    return undefined;
  }
  return bytes.toString("utf8");
}

type Located = Setting & { path: string };

function* settingsOf(
  doc: Document.Parsed,
  map: YAMLMap,
  prefix: string,
  at: (offset: number | undefined) => Place,
  found: Findings,
): Generator<Located> {
  for (const { key, value } of map.items as { key: ParsedNode; value: ParsedNode | null }[]) {
    const name = isScalar(key) ? String(key.value) : "?";
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const bare = path.replace(/^policy\./, "");
    if (isMap(value) && (path === "policy" || (!leaves.has(bare) && keysOf(bare)))) {
      yield* settingsOf(doc, value, path, at, found);
      continue;
    }
    const place = at(key.range[0]);
    try {
      // Aliases are bounded: a file of a kilobyte could otherwise unfold to gigabytes.
      yield { path, value: (value?.toJS(doc, { maxAliasCount: 100 }) ?? null) as Json, place };
    } catch (cause) {
      found.issues.push({ message: `\`${path}\`: ${cause instanceof Error ? cause.message : String(cause)}`, place });
    }
  }
}

function policyOf(
  settings: readonly Located[],
  role: FileRole,
  base: string,
  env: Environment,
  found: Findings,
): ReadonlyMap<string, Setting> {
  const [first] = settings;
  if (role.kind !== "system" && first) {
    found.issues.push({
      message: "`policy` stands in the system's file only",
      place: first.place,
      hint: "set the key itself here, without `policy.`",
    });
    return new Map();
  }
  const limits = settings.map(({ path, ...rest }) => ({ path: path.replace(/^policy\.?/, ""), ...rest }));
  return layerOf(
    "system",
    limits.filter(({ path }) => path !== ""),
    base,
    env,
    found,
  ).settings;
}
