/** The brace form (`docs/reference/openings.md`, "Brace form") as the tree that its YAML form gives. */
import type { Span } from "../diagnostic.js";
import type { Reporter } from "../reporter.js";
import { Trees, type MapEntry, type Tree } from "../tree.js";
import { readBudget } from "./budget.js";
import { Cursor } from "./cursor.js";
import { lexBrace, type Comment, type Token } from "./lex.js";
import { isOperator, plain, readComparison, readEntry, readName, spanFrom, TooDeep } from "./value.js";

export interface BraceFile {
  readonly tree: Tree;
  readonly comments: readonly Comment[];
}

const HEAD = /opening[ \t]*(?:"|\{|[\p{L}_][\p{L}\p{N}_-]*[ \t\r\n]*\{)/uy;
const BEFORE = /(?:\s+|(?:#|\/\/)[^\n]*\n)*/y;

/** Whether a file is in the brace form: it begins with `opening` and a name, behind comments. */
export function isBrace(text: string): boolean {
  BEFORE.lastIndex = 0;
  HEAD.lastIndex = BEFORE.exec(text)?.[0].length ?? 0;
  return HEAD.test(text);
}

/** Reports every syntax error; undefined where there was one, since the structure around it is guesswork. */
export function parseBrace(report: Reporter): BraceFile | undefined {
  const lexed = lexBrace(report);
  if (!lexed || report.hasErrors) return undefined;
  try {
    const tree = new Parser(report, lexed.tokens).file();
    return tree && { tree, comments: lexed.comments };
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    report.error("OPENING_TOO_DEEP", error.span, error.message);
    return undefined;
  }
}

const EDGE = "an edge is written a.out -> b.in, a guard a.ok == true -> b.in";
const NODE = 'a node is written name := agent("…") or name := opening("…")';

class Parser {
  readonly #cursor: Cursor;
  readonly #trees: Trees;

  constructor(
    readonly report: Reporter,
    tokens: readonly Token[],
  ) {
    this.#cursor = new Cursor(report, tokens);
    this.#trees = new Trees(report);
  }

  file(): Tree | undefined {
    const cursor = this.#cursor;
    const tree = cursor.statement(() => {
      const keyword = cursor.next();
      const name = cursor.peek();
      if (name.kind !== "string" && name.kind !== "word") cursor.fail("expected the opening's name", 'write opening "name" {');
      cursor.next();
      const open = cursor.open("{");
      const entries: MapEntry[] = [{ key: "name", keySpan: spanFrom(keyword, keyword), value: this.#text(name) }];
      const policy: MapEntry[] = [];
      this.#statements(() => this.#entry(entries, policy));
      const close = cursor.close("}");
      this.#end();
      return this.#trees.map(this.#whole(entries, policy, keyword), spanFrom(open, close));
    });
    return cursor.faults === 0 ? tree : undefined;
  }

  #end(): void {
    const after = this.#cursor.peek();
    if (after.kind === "end") return;
    if (after.text !== "opening") this.#cursor.refuse("nothing may follow here");
    this.#cursor.faults++;
    this.report.error("OPENING_DOCUMENTS", spanFrom(after, after), "a second opening begins here; a file holds one");
  }

  /** With the version, which need not be written, and with what `budget` adds to the policy. */
  #whole(entries: readonly MapEntry[], budgets: readonly MapEntry[], keyword: Token): readonly MapEntry[] {
    const keySpan = spanFrom(keyword, keyword);
    const version = { key: "version", keySpan, value: this.#trees.scalar(0, "0", "plain", keySpan) };
    const written = entries.some(({ key }) => key === "version") ? entries : [version, ...entries];
    const [first] = budgets;
    if (!first) return written;
    const at = written.findIndex(({ key }) => key === "policy");
    const policy = written[at];
    if (!policy) return [...written, { key: "policy", keySpan: first.keySpan, value: this.#trees.map(budgets, first.keySpan) }];
    if (policy.value.kind !== "map") return written; // which the reader tells
    const merged = this.#trees.map([...policy.value.entries, ...budgets], policy.value.span);
    return written.with(at, { ...policy, value: merged });
  }

  #statements(read: () => void): void {
    const cursor = this.#cursor;
    while (!cursor.is("}") && cursor.peek().kind !== "end") {
      cursor.statement(read);
      cursor.take(",");
    }
  }

  #entry(entries: MapEntry[], policy: MapEntry[]): void {
    const cursor = this.#cursor;
    const section = cursor.is(":", 1) ? cursor.peek().text : "";
    if (section === "nodes" || section === "edges") {
      const key = cursor.next();
      cursor.next();
      const items = this.#section(section === "nodes" ? () => this.#node() : () => this.#edge());
      const end = items.at(-1)?.span.end ?? cursor.before.end;
      const value = this.#trees.list(items, { start: items[0]?.span.start ?? key.start, end });
      entries.push({ key: section, keySpan: spanFrom(key, key), value });
    } else if (section === "budget") policy.push(...readBudget(cursor, this.#trees));
    else if (cursor.is(":=", 1)) cursor.refuse("a node stands in `nodes:`", "write nodes: before the first one");
    else if (section === "name") cursor.refuse("the name stands behind `opening`");
    else entries.push(...readEntry(cursor, this.#trees, 2, ":"));
  }

  /** Statements up to the next `key:`. */
  #section(read: () => Tree): readonly Tree[] {
    const cursor = this.#cursor;
    const items: Tree[] = [];
    while (!cursor.is("}") && cursor.peek().kind !== "end" && !(cursor.peek().kind === "word" && cursor.is(":", 1))) {
      const item = cursor.statement(read);
      if (item) items.push(item);
      cursor.take(",");
    }
    return items;
  }

  #node(): Tree {
    const cursor = this.#cursor;
    const id = cursor.peek();
    if (id.kind !== "word") cursor.fail("expected a node", NODE);
    cursor.next();
    cursor.expect(":=", NODE);
    const what = cursor.peek();
    if (what.text !== "agent" && what.text !== "opening") cursor.fail("expected agent(…) or opening(…)", NODE);
    cursor.next();
    cursor.open("(", NODE);
    const used = cursor.peek();
    if (used.kind !== "string") cursor.fail(`expected the ${what.text}'s name in quotes`, NODE);
    cursor.next();
    const use = this.#trees.scalar(`${what.text}:${String(used.value)}`, used.text, "double", spanFrom(used, used));
    const given: MapEntry[] = [];
    while (!cursor.is(")")) {
      cursor.separated(")");
      if (!cursor.is(")")) given.push(...readEntry(cursor, this.#trees, 5, "="));
    }
    const [first, last] = [given[0], given.at(-1)];
    const whatSpan = spanFrom(what, what);
    let end = cursor.close(")");
    const entries: MapEntry[] = [
      { key: "id", keySpan: spanFrom(id, id), value: this.#text(id) },
      { key: "use", keySpan: whatSpan, value: use },
    ];
    if (first && last) {
      const span = { start: first.keySpan.start, end: last.value.span.end };
      entries.push({ key: "with", keySpan: whatSpan, value: this.#trees.map(given, span) });
    }
    if (cursor.is("{")) {
      cursor.open("{");
      this.#statements(() => this.#setting(entries));
      end = cursor.close("}");
    }
    return this.#trees.map(entries, spanFrom(id, end));
  }

  #setting(entries: MapEntry[]): void {
    const cursor = this.#cursor;
    const key = readKeyAhead(cursor);
    if (key === "budget") entries.push(...readBudget(cursor, this.#trees));
    else if (key === "id") cursor.refuse("a node's id stands before `:=`");
    else if (key === "use" || key === "with") cursor.refuse(`\`${key}\` is what agent(…) and opening(…) say`, NODE);
    else entries.push(...readEntry(cursor, this.#trees, 4, ":"));
  }

  #edge(): Tree {
    const cursor = this.#cursor;
    const start = cursor.peek();
    if (start.kind !== "word") cursor.fail("expected an edge", EDGE);
    cursor.next();
    while (!cursor.is("->")) {
      const token = cursor.peek();
      const fits = token.kind !== "end" && !token.first && (token.kind !== "mark" || token.text === "." || isOperator(token));
      if (!fits) cursor.fail("expected `->`", token.text === "=" ? "did you mean `==`?" : EDGE);
      cursor.next();
    }
    const from = plain(cursor, this.#trees, start);
    const arrow = cursor.next();
    const target = cursor.peek();
    readName(cursor);
    // Whoever compares on this side is told so by the reader.
    if (isOperator(cursor.peek()) && !cursor.peek().first) readComparison(cursor);
    const to = plain(cursor, this.#trees, target);
    const arrowSpan: Span = spanFrom(arrow, arrow);
    const entries: MapEntry[] = [
      { key: "from", keySpan: from.span, value: from },
      { key: "to", keySpan: arrowSpan, value: to },
    ];
    return this.#trees.map(entries, { start: from.span.start, end: to.span.end });
  }

  #text(token: Token): Tree {
    return this.#trees.scalar(token.value, token.text, token.kind === "string" ? "double" : "plain", spanFrom(token, token));
  }
}

const readKeyAhead = (cursor: Cursor): string => {
  const { kind, value } = cursor.peek();
  return kind === "word" || kind === "string" ? String(value) : "";
};
