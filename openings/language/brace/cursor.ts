/** Walks over the tokens of the brace form, and finds the way on behind a fault. */
import type { Span } from "../diagnostic.js";
import type { Reporter } from "../reporter.js";
import type { Token } from "./lex.js";

/** Thrown out of the statement in which it is; the next one is read again. */
export class SyntaxFault extends Error {
  constructor(
    readonly span: Span,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** Syntax errors that are told: what follows the first few is mostly their echo. */
const SHOWN = 20;

export class Cursor {
  #at = 0;
  /** Brackets that are open, the outermost first. */
  readonly #open: Token[] = [];
  /** Where the statement began that is being read. */
  #begin = 0;
  faults = 0;

  constructor(
    readonly report: Reporter,
    readonly tokens: readonly Token[],
  ) {}

  get text(): string {
    return this.report.source.text;
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.#at + ahead, this.tokens.length - 1)] as Token;
  }

  /** The token that was taken last. */
  get before(): Token {
    return this.tokens[Math.max(0, this.#at - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    return token;
  }

  /** Whether the next token is this mark. */
  is(mark: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "mark" && token.text === mark;
  }

  /** The next token, if it is this mark. */
  take(mark: string): Token | undefined {
    return this.is(mark) ? this.next() : undefined;
  }

  expect(mark: string, hint?: string): Token {
    return this.take(mark) ?? this.fail(`expected \`${mark}\``, hint);
  }

  open(mark: string, hint?: string): Token {
    const token = this.expect(mark, hint);
    this.#open.push(token);
    return token;
  }

  close(mark: string, expected = `expected \`${mark}\``): Token {
    const token = this.take(mark) ?? this.fail(expected);
    this.#open.pop();
    return token;
  }

  /** Between two elements stands a comma or a line break. */
  separated(close: string): void {
    if (this.atNode) this.unclosed();
    if (this.take(",") || this.is(close) || this.peek().first) return;
    this.fail(`expected \`,\` or \`${close}\``);
  }

  /** Tells what was expected in the place of the next token, or of the rest of the line. */
  fail(message: string, hint?: string): never {
    const token = this.peek();
    if (token.kind === "end" && this.#open.length > 0) this.unclosed();
    const { end } = this.before;
    if (token.first && this.#at > this.#begin)
      throw new SyntaxFault({ start: end, end: end + 1 }, `${message}, and the line ends`, hint);
    throw new SyntaxFault({ start: token.start, end: token.end }, `${message}, got ${shown(token)}`, hint);
  }

  /** As {@link fail}, where it is plain what stands there. */
  refuse(message: string, hint?: string): never {
    const { start, end } = this.peek();
    throw new SyntaxFault({ start, end }, message, hint);
  }

  /** Whether a node begins here, whatever is open around it. */
  get atNode(): boolean {
    return this.peek().first && this.is(":=", 1);
  }

  /** Tells of the innermost bracket that it was left open. */
  unclosed(): never {
    const opener = this.#open.at(-1) ?? this.before;
    throw new SyntaxFault({ start: opener.start, end: opener.end }, `this \`${opener.text}\` is never closed`);
  }

  get #atSection(): boolean {
    const { first, text } = this.peek();
    return first && (text === "nodes" || text === "edges") && this.is(":", 1);
  }

  /** Reads one statement. Where that fails it is told, and what is left of the statement is passed over: up to the next line, or the end of what is around it. */
  statement<T>(read: () => T): T | undefined {
    const start = (this.#begin = this.#at);
    const depth = this.#open.length;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error;
      if (++this.faults <= SHOWN) this.report.error("OPENING_SYNTAX", error.span, error.message, error.hint);
      this.#skip(
        this.#open.splice(depth).map(({ text }) => text),
        this.#at === start,
      );
      return undefined;
    }
  }

  /** `open` are the brackets of the statement that are. At least one token is passed over where none was. */
  #skip(open: string[], stuck: boolean): void {
    for (let passed = !stuck; ; passed = true) {
      const token = this.peek();
      const mark = token.kind === "mark" ? token.text : "";
      if (token.kind === "end" || (passed && (this.atNode || this.#atSection))) return;
      if (passed && token.first && open.length === 0) return;
      if ("([{".includes(mark) && mark !== "") open.push(mark);
      else if (mark === "}") {
        // What was opened inside of braces and not closed ends with them.
        const opener = open.lastIndexOf("{");
        if (opener < 0) return;
        open.length = opener;
      } else if (mark === OPENS[open.at(-1) ?? ""]) open.pop();
      this.next();
    }
  }
}

const OPENS: Readonly<Record<string, string>> = { "(": ")", "[": "]" };

function shown(token: Token): string {
  if (token.kind === "end") return "the end of the file";
  if (token.kind === "string") return "a text";
  return `\`${token.text.slice(0, 80)}\``;
}
