/** What can be wrong with an opening, and where. Everything is found in one go: nothing here is thrown while a file is read. */
import { Exit, RlpError } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";

export type OpeningCode =
  // The file
  | "OPENING_TOO_LARGE"
  | "OPENING_TOO_DEEP"
  | "OPENING_ENCODING"
  | "OPENING_EMPTY"
  | "OPENING_SYNTAX"
  | "OPENING_DOCUMENTS"
  | "OPENING_YAML_FEATURE"
  | "OPENING_ALIAS"
  | "OPENING_DUPLICATE_KEY"
  | "OPENING_TOO_MANY_ERRORS"
  // The language
  | "OPENING_VERSION"
  | "OPENING_UNKNOWN_KEY"
  | "OPENING_MISSING_KEY"
  | "OPENING_TYPE"
  | "OPENING_NUMBER"
  | "OPENING_IDENTIFIER"
  | "OPENING_DUPLICATE_ID"
  | "OPENING_EXPRESSION"
  | "OPENING_TEMPLATE"
  | "OPENING_PARAM"
  // The checks against agents and types
  | "OPENING_UNKNOWN_AGENT"
  | "OPENING_AGENT_REFUSED"
  | "OPENING_UNKNOWN_OPENING"
  | "OPENING_INNER"
  | "OPENING_UNKNOWN_NODE"
  | "OPENING_UNKNOWN_PORT"
  | "OPENING_UNKNOWN_TYPE"
  | "OPENING_SCHEMA"
  | "OPENING_PORT_TYPE"
  | "OPENING_GUARD"
  | "OPENING_MISSING_INPUT"
  | "OPENING_INPUT_TWICE"
  | "OPENING_CYCLE"
  | "OPENING_WITH"
  | "OPENING_BUDGET"
  | "OPENING_CONFIRM"
  | "OPENING_GRANT"
  | "OPENING_CAPS"
  | "OPENING_OVERRIDE";

/** Offsets of UTF-16 units into the file's text, without its byte order mark; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A hint may be worked out later: looking for a near name takes time, and only the diagnostics that are shown need it. */
export type Hint = string | undefined | (() => string | undefined);

/** A diagnostic before its position is worked out. */
export interface Finding {
  readonly code: OpeningCode;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly span: Span;
  readonly hint?: Hint;
}

/** The line that a diagnostic points at, or a window of it where it is long. Raw text: {@link formatDiagnostic} makes it safe. */
export interface Excerpt {
  readonly text: string;
  /** The part that is meant, as offsets of UTF-16 units into `text`; where it goes on over several lines, its first. */
  readonly caret: Span;
  readonly cutBefore: boolean;
  readonly cutAfter: boolean;
}

export interface Diagnostic {
  readonly code: OpeningCode;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly file: string;
  /** Both from 1; columns count characters (code points). */
  readonly line: number;
  readonly column: number;
  readonly span: Span;
  /** null where there is no text to show: an empty or a binary file. */
  readonly excerpt: Excerpt | null;
  readonly hint?: string;
}

/** An opening that cannot be used, with everything that is wrong with it. Exit code 2. */
export class OpeningError extends RlpError<OpeningCode> {
  readonly family = "opening";
  override readonly exit = Exit.usage;
  readonly diagnostics: readonly Diagnostic[];

  /** `diagnostics` holds at least one error; the first error gives code, message and place. */
  constructor(diagnostics: readonly Diagnostic[]) {
    const first = diagnostics.find((each) => each.severity === "error") ?? diagnostics[0];
    if (!first) throw new TypeError("an OpeningError needs a diagnostic");
    super(first.code, first.message, {
      place: { file: first.file, line: first.line, column: first.column },
      ...(first.hint !== undefined && { hint: first.hint }),
    });
    this.diagnostics = diagnostics;
  }
}

/** A name from the file as messages show it: hidden characters visible, long ones cut, in back-ticks. */
export function quoted(name: string): string {
  const shown = visibleLine(name.slice(0, 80)).toWellFormed();
  return name.length > 80 ? `\`${shown}…\`` : `\`${shown}\``;
}
