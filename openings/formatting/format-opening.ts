/**
 * The usual form of an opening's file: YAML, keys in the order of the reference, one line for what fits on one, comments kept. Either
 * form of the language goes in. What comes out holds exactly the values that went in, or nothing comes out.
 */
import { parseDocument, visit, type Document } from "yaml";
import { isBrace, parseBrace } from "../language/brace/parse.js";
import type { Diagnostic } from "../language/diagnostic.js";
import { asMap } from "../language/fields.js";
import { Reporter } from "../language/reporter.js";
import { decodeSource } from "../language/source.js";
import type { Tree } from "../language/tree.js";
import { yamlTree } from "../language/yaml-tree.js";
import { parseYaml } from "../language/yaml.js";
import { keepAliases } from "./aliases.js";
import { documentOf } from "./from-brace.js";
import { arrange } from "./layout.js";
import { sameTrees } from "./same.js";

export type Formatted =
  | { readonly ok: true; readonly text: string; readonly form: "yaml" | "brace" }
  /** Text that is neither form, or of which a part has no value. What is wrong otherwise does not keep a file from being formatted. */
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export function formatOpening(file: string, bytes: Uint8Array): Formatted {
  const { source, faults } = decodeSource(file, bytes);
  const report = new Reporter(source);
  for (const fault of faults) report.add(fault);
  if (report.hasErrors) return { ok: false, diagnostics: report.diagnostics() };
  const { text } = source;
  const form = isBrace(text) ? "brace" : "yaml";
  const read = form === "brace" ? readBrace(report) : readYaml(report, text);
  if (!read || report.hasErrors) return { ok: false, diagnostics: report.diagnostics() };
  const formatted = settled(written(read.document));
  hold(read.tree, formatted, file);
  return { ok: true, text: formatted, form };
}

/** Comments in odd places can move once more when they are read again, from where the first turn has put them. */
const TURNS = 4;

function settled(text: string): string {
  let before = text;
  for (let turn = 0; turn < TURNS; turn++) {
    const { source } = decodeSource("", new TextEncoder().encode(before));
    const read = readYaml(new Reporter(source), before);
    const after = read ? written(read.document) : before;
    if (after === before) break;
    before = after;
  }
  return before;
}

interface Read {
  readonly tree: Tree;
  readonly document: Document;
}

function readYaml(report: Reporter, text: string): Read | undefined {
  const contents = parseYaml(report);
  const tree = contents && yamlTree(contents, report);
  // What is no map has no keys to put in order.
  if (!tree || !asMap(report, tree, "an opening")) return undefined;
  const document = parseDocument(text, { uniqueKeys: false, keepSourceTokens: false, logLevel: "silent" });
  plainComments(document);
  const restore = keepAliases(document);
  arrange(document);
  restore();
  return { tree, document };
}

/** A carriage return within a comment would begin a line that is none. */
function plainComments(document: Document): void {
  const plain = (part: { comment?: string | null; commentBefore?: string | null }): void => {
    if (part.comment) part.comment = part.comment.replaceAll("\r", "");
    if (part.commentBefore) part.commentBefore = part.commentBefore.replaceAll("\r", "");
  };
  plain(document);
  visit(document, { Node: (_, node) => plain(node) });
}

function readBrace(report: Reporter): Read | undefined {
  const read = parseBrace(report);
  if (!read) return undefined;
  const document = documentOf(read, report.source.text);
  arrange(document);
  return { tree: read.tree, document };
}

const written = (document: Document): string =>
  document.toString({ lineWidth: 0, minContentWidth: 0, flowCollectionPadding: true, indentSeq: true });

/** The last word: a file is never given back with another meaning than it had. */
function hold(tree: Tree, formatted: string, file: string): void {
  const { source } = decodeSource(file, new TextEncoder().encode(formatted));
  const report = new Reporter(source);
  const contents = parseYaml(report);
  const again = contents && yamlTree(contents, report);
  if (!again || !sameTrees(tree, again)) throw new TypeError(`formatting ${file} would change what it says`);
}
