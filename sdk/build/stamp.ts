/**
 * Digests in `manifest.toml`: every file of the bundle that matters has its BLAKE3 there. Only the digests are written; layout,
 * comments and order stay the author's.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { blake3, type Digest } from "#core/digest.js";
import { BuildError } from "./errors.js";
import { readText } from "./layout.js";

/** A file that a manifest names: where, and the digest that stands there (null where none does). */
export interface NamedFile {
  /** The table: `agent`, `caps`, `artifacts.tools`. */
  readonly table: string;
  readonly path: string;
  readonly digest: string | null;
}

/** The files that a manifest names, in its order. */
export function namedFiles(manifest: string, file: string): readonly NamedFile[] {
  const tables = readManifest(manifest, file);
  const found: NamedFile[] = [];
  const take = (table: string, value: unknown, pathKey: string): void => {
    if (typeof value !== "object" || value === null) return;
    const { [pathKey]: path, blake3: digest } = value as Record<string, unknown>;
    if (typeof path === "string") found.push({ table, path, digest: typeof digest === "string" ? digest : null });
  };
  take("agent", (tables["agent"] as { entry?: unknown } | undefined)?.entry, "path");
  take("caps", tables["caps"], "file");
  for (const [name, value] of Object.entries(tables["artifacts"] ?? {})) take(`artifacts.${name}`, value, "path");
  return found;
}

/** `[agent] world`; "agent" where the manifest does not say. */
export function worldNamed(manifest: string, file: string): "agent" | "command" {
  const { agent } = readManifest(manifest, file) as { readonly agent?: { readonly world?: unknown } };
  return agent?.world === "command" ? "command" : "agent";
}

/** The most that a manifest's `[build] arguments` may be, in all. */
const ARGUMENT_BYTES = 256 * 1024;

/**
 * `[build] arguments` of a command, each a text or `{ file = "…" }`, which is that file's text. `folder` is the bundle's. Throws
 * `BUILD_BUNDLE`.
 */
export function argumentsNamed(manifest: string, folder: string, file: string): readonly string[] {
  const { build } = readManifest(manifest, file) as { readonly build?: { readonly arguments?: unknown } };
  const refuse = (what: string, hint: string): BuildError =>
    new BuildError("BUILD_BUNDLE", what, { place: { file, at: "[build] arguments" }, hint });
  const given = build?.arguments ?? [];
  if (!Array.isArray(given)) throw refuse("`arguments` is no list", 'arguments = ["program", "--option"]');
  const texts = given.map((entry: unknown): string => {
    if (typeof entry === "string") return entry;
    const path = (entry as { readonly file?: unknown } | null)?.file;
    if (typeof path !== "string")
      throw refuse("an argument is neither a text nor a file", 'arguments = ["python", "-c", { file = "src/main.py" }]');
    if (!/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/.test(path))
      throw refuse(`\`${path}\` is no path inside of the bundle`, "name a file of the bundle, as in `src/main.py`");
    const named = join(folder, path);
    // No link leads out of the bundle, on the way to it neither.
    if (!lstatSync(named, { throwIfNoEntry: false })?.isFile() || realpathSync(named) !== join(realpathSync(folder), path))
      throw refuse(`there is no file \`${path}\` in the bundle`, "put it there, or name another");
    return readText(named);
  });
  if (texts.some((text) => text.includes("\0")))
    throw refuse("an argument has a zero in it, at which it would end", "give a text");
  if (texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0) > ARGUMENT_BYTES)
    throw refuse(`the arguments are more than ${ARGUMENT_BYTES} bytes`, "give the program files, by `fs_ro`");
  return texts;
}

function readManifest(manifest: string, file: string): Record<string, unknown> {
  try {
    return parse(manifest);
  } catch (cause) {
    const at = cause instanceof TomlError ? { line: cause.line, column: cause.column } : {};
    throw new BuildError("BUILD_BUNDLE", cause instanceof Error ? cause.message : String(cause), {
      place: { file, ...at },
      cause,
    });
  }
}

/** Files of a bundle that must be named though the author did not: schemas, tools, source. */
function filesThatMatter(folder: string): readonly string[] {
  const below = (name: string, ...endings: readonly string[]): string[] =>
    existsSync(join(folder, name))
      ? readdirSync(join(folder, name), { recursive: true, encoding: "utf8" })
          .filter((entry) => endings.some((ending) => entry.endsWith(ending)))
          .map((entry) => `${name}/${entry.replaceAll("\\", "/")}`)
          .sort()
      : [];
  return [
    ...(existsSync(join(folder, "tools.json")) ? ["tools.json"] : []),
    ...below("schemas", ".json"),
    ...["Cargo.toml", "Cargo.lock"].filter((name) => existsSync(join(folder, name))),
    ...below("src", ".ts", ".js", ".mts", ".mjs", ".json", ".rs", ".py"),
  ];
}

function digestOf(folder: string, path: string): Digest {
  const file = join(folder, path);
  if (!existsSync(file))
    throw new BuildError("BUILD_BUNDLE", `the manifest names \`${path}\`, which is not there`, {
      place: { file },
      hint: "bring the file back, or take its table out of the manifest",
    });
  return blake3(readFileSync(file));
}

/** Writes the digests of all files that matter into the bundle's manifest; says which of them changed it. */
export function stampBundle(folder: string): readonly NamedFile[] {
  const file = join(folder, "manifest.toml");
  let text = readText(file);
  const named = namedFiles(text, file);
  const changed: NamedFile[] = [];
  for (const path of filesThatMatter(folder)) {
    if (named.some((entry) => entry.path === path)) continue;
    const name = path.replace(/[^A-Za-z0-9]+/g, "_");
    text = `${text.trimEnd()}\n\n[artifacts.${name}]\npath = "${path}"\n`;
  }
  for (const entry of namedFiles(text, file)) {
    const digest = digestOf(folder, entry.path);
    if (entry.digest === digest) continue;
    text = withDigest(text, entry, digest);
    changed.push({ ...entry, digest });
  }
  for (const entry of namedFiles(text, file)) {
    if (entry.digest !== digestOf(folder, entry.path))
      throw new BuildError("BUILD_BUNDLE", `no digest can be written for \`${entry.path}\``, {
        place: { file, at: `[${entry.table}]` },
        hint: 'lay it out as the bundled agents do: `entry = { path = "agent.wasm", blake3 = "" }` under `[agent]`',
      });
  }
  if (changed.length > 0) writeFileSync(file, text);
  return changed;
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The manifest with a digest set: in the place of the old one, or behind the path. */
function withDigest(text: string, entry: NamedFile, digest: Digest): string {
  const lines = text.split("\n");
  const head = new RegExp(`^\\s*\\[${quoted(entry.table)}\\]`);
  const start = lines.findIndex((line) => head.test(line));
  const pathLine = new RegExp(`\\b(path|file)\\s*=\\s*(["'])${quoted(entry.path)}\\2`);
  const value = /(\bblake3\s*=\s*)(["'])[^"']*\2/;
  for (let i = start + 1; i < lines.length && !/^\s*\[/.test(lines[i] ?? ""); i++) {
    const line = lines[i] ?? "";
    if (!pathLine.test(line)) continue;
    if (line.includes("{")) {
      // An inline table: path and digest on one line.
      lines[i] = value.test(line)
        ? line.replace(value, `$1"${digest}"`)
        : line.replace(pathLine, (found) => `${found}, blake3 = "${digest}"`);
      return lines.join("\n");
    }
    for (let j = start + 1; j < lines.length && !/^\s*\[/.test(lines[j] ?? ""); j++) {
      if (!value.test(lines[j] ?? "")) continue;
      lines[j] = (lines[j] ?? "").replace(value, `$1"${digest}"`);
      return lines.join("\n");
    }
    lines.splice(i + 1, 0, `blake3 = "${digest}"`);
    return lines.join("\n");
  }
  return text;
}
