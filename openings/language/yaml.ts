/** YAML text to a document with ranges, under limits that are checked before each step that they bound. */
import { Composer, isScalar, Lexer, Parser, type CST, type Document, type ParsedNode } from "yaml";
import { openingLimits } from "./limits.js";
import type { Reporter } from "./reporter.js";

/** The composer recurses, so depth is checked on the parser's own stack, which holds one token for each open collection. */
const STACK = openingLimits.depth + 1;
/** Errors of the YAML layer: what follows the first few is mostly their echo. */
const SHOWN = 20;

/**
 * The one document of the text. Reports every YAML error; undefined where there was one, since the structure behind it is
 * guesswork.
 */
export function parseYaml(report: Reporter): ParsedNode | undefined {
  const tokens = tokenise(report);
  if (!tokens) return undefined;
  const { text } = report.source;
  // Keys are compared in `tree.ts`: the composer's own test for duplicates takes quadratic time.
  const composer = new Composer<ParsedNode>({
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    resolveKnownTags: false,
    logLevel: "silent",
    schema: "core",
    version: "1.2",
  });
  const [document] = [...composer.compose(tokens, true, text.length)];
  if (!document || reportErrors(document, report)) return undefined;
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    report.error("OPENING_EMPTY", { start: 0, end: 1 }, "the file holds no opening", "an opening begins with `version: 0`");
    return undefined;
  }
  return document.contents;
}

function tokenise(report: Reporter): CST.Token[] | undefined {
  const { text } = report.source;
  const lexer = new Lexer();
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const gather = (found: Iterable<CST.Token>): boolean => {
    for (const token of found) {
      if (token.type === "directive") {
        const span = { start: token.offset, end: token.offset + token.source.length };
        report.error("OPENING_YAML_FEATURE", span, "YAML directives are not part of the language", "take the line out");
        return false;
      }
      if (token.type === "document" && tokens.some((before) => before.type === "document")) {
        const span = { start: token.offset, end: token.offset + 3 };
        report.error("OPENING_DOCUMENTS", span, "a second document begins here; a file holds one opening");
        return false;
      }
      tokens.push(token);
    }
    return true;
  };
  let lexemes = 0;
  for (const lexeme of lexer.lex(text)) {
    const start = parser.offset;
    if (++lexemes > openingLimits.tokens) {
      report.error("OPENING_TOO_LARGE", { start, end: start + 1 }, `the file has more than ${openingLimits.tokens} YAML tokens`);
      return undefined;
    }
    if (!gather(parser.next(lexeme))) return undefined;
    if (parser.stack.length > STACK) {
      const message = `maps and lists are nested deeper than ${openingLimits.depth}`;
      report.error("OPENING_TOO_DEEP", { start, end: start + 1 }, message);
      return undefined;
    }
  }
  return gather(parser.end()) ? tokens : undefined;
}

function reportErrors(document: Document.Parsed, report: Reporter): boolean {
  const { errors } = document;
  for (const { code, message, pos } of errors.slice(0, SHOWN)) {
    const span = { start: pos[0], end: pos[1] };
    if (code === "TAG_RESOLVE_FAILED")
      report.error(
        "OPENING_YAML_FEATURE",
        span,
        "YAML tags are not part of the language",
        "take the tag out; quote text that looks like a number",
      );
    else report.error("OPENING_SYNTAX", span, message.slice(0, 300), code === "TAB_AS_INDENT" ? "indent with spaces" : undefined);
  }
  return errors.length > 0;
}
