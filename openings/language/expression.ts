/**
 * The little language inside strings: `node.port`, guards (`node.port == literal`) and `success` expressions
 * (`exists(node.port)` or a comparison), read and evaluated (`docs/reference/openings.md`, "Grammar").
 */
import type { NodeId } from "#core/ids.js";
import { IDENTIFIER } from "#core/ids.js";
import type { Json } from "#core/json.js";
import type { Expression, Literal, Operator, PortRef } from "../ir.js";

/** What is wrong in such a string, as offsets of UTF-16 units into it. */
export interface ExpressionFault {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly hint?: string;
}
/** A part of the text, as offsets of UTF-16 units; `end` is exclusive. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}
/** `node` and `port` say where the reference's two names stand. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly node: Extent; readonly port: Extent }
  | { readonly ok: false; readonly fault: ExpressionFault };

export interface Comparison {
  readonly op: Operator;
  readonly literal: Literal;
}

/** `node.port`, nothing else. */
export function parsePortRef(text: string): Parsed<PortRef> {
  return parse(text, (reader) => {
    const ref = reader.ref();
    if (reader.operator()) reader.fail("a comparison cannot stand here", "a guard belongs to the `from` side of an edge", true);
    return ref;
  });
}

/** `node.port`, with a guard or without: the `from` side of an edge. */
export function parseEdgeSource(text: string): Parsed<{ readonly ref: PortRef; readonly guard: Comparison | null }> {
  return parse(text, (reader) => {
    const ref = reader.ref();
    return { ref, guard: reader.end() ? null : reader.comparison() };
  });
}

/** `exists(node.port)` or `node.port <op> literal`. */
export function parseExpression(text: string): Parsed<Expression> {
  return parse(text, (reader) => {
    if (reader.take(/exists[ \t]*\(/y)) {
      const ref = reader.ref();
      if (!reader.take(/\)/y)) reader.fail("expected `)`", "write exists(node.port)");
      return { kind: "exists", ref };
    }
    const ref = reader.ref();
    if (reader.end())
      reader.fail("expected an operator", `write exists(${ref.node}.${ref.port}), or compare it: == != > >= < <=`);
    return { kind: "compare", ref, ...reader.comparison() };
  });
}

class Fault extends Error {
  constructor(readonly fault: ExpressionFault) {
    super(fault.message);
  }
}

function parse<T>(text: string, read: (reader: Reader) => T): Parsed<T> {
  const reader = new Reader(text);
  try {
    const value = read(reader);
    if (!reader.end()) reader.fail("nothing may follow here");
    return { ok: true, value, node: reader.nodeAt, port: reader.portAt };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, fault: error.fault };
    throw error;
  }
}

const OPERATOR = /==|!=|>=|<=|>|</y;
// Generous on purpose: a wrong name is reported as a wrong name, not as a stray character.
const WORD = /[\p{L}\p{N}_-]+/uy;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\p{L}\p{N}_.])/uy;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;

class Reader {
  #at = 0;
  #previous = 0;
  nodeAt: Extent = { start: 0, end: 0 };
  portAt: Extent = { start: 0, end: 0 };
  constructor(readonly text: string) {}

  take(pattern: RegExp): string | null {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.#previous = this.#at;
    this.#at += found.length;
    return found;
  }

  end(): boolean {
    this.#space();
    return this.#at >= this.text.length;
  }

  /** Points at what comes next, or (`taken`) at what was taken last. */
  fail(message: string, hint?: string, taken = false): never {
    if (!taken) this.#space();
    const offset = taken ? this.#previous : this.#at;
    const length = taken
      ? this.#at - this.#previous
      : (/^(?:[\p{L}\p{N}_-]+|\S)/u.exec(this.text.slice(offset))?.[0].length ?? 1);
    throw new Fault({ offset, length, message, ...(hint !== undefined && { hint }) });
  }

  ref(): PortRef {
    const node = this.#name("a node's id");
    this.nodeAt = { start: this.#previous, end: this.#at };
    if (!this.take(/\./y)) this.fail("expected `.` and a port's name", "a port is written node.port");
    const port = this.#name("a port's name");
    this.portAt = { start: this.#previous, end: this.#at };
    return { node: node as NodeId, port };
  }

  operator(): Operator | null {
    return this.take(OPERATOR) as Operator | null;
  }

  comparison(): Comparison {
    const op = this.operator();
    if (op === null) {
      const single = this.take(/=/y) !== null;
      if (single) this.fail("`=` is not an operator", "did you mean `==`?", true);
      this.fail("expected an operator", "the operators are == != > >= < <=");
    }
    return { op, literal: this.#literal() };
  }

  #literal(): Literal {
    const hint = 'a literal is true, false, a number or a "string" in double quotes';
    const word = this.take(/(?:true|false)(?![\p{L}\p{N}_.-])/uy);
    if (word !== null) return word === "true";
    const number = this.take(NUMBER);
    if (number !== null) {
      const value = Number(number);
      const exact = /[.eE]/.test(number) ? Number.isFinite(value) : Number.isSafeInteger(value);
      if (!exact) this.fail(`the number ${number} cannot be held exactly`, "integers go up to 2^53 - 1", true);
      return value === 0 ? 0 : value; // -0 and 0 are one number, in canonical JSON too
    }
    const string = this.take(STRING);
    if (string !== null) {
      const value = unquote(string);
      if (value === null || !value.isWellFormed()) this.fail("the string has a bad escape", "escapes are those of JSON", true);
      return value;
    }
    if (this.end()) this.fail("expected a literal", hint);
    const bare = /[\p{L}\p{N}_.@-]+/uy.exec(this.text.slice(this.#at))?.[0];
    this.fail(
      "expected a literal",
      bare === undefined || /^[0-9-]/.test(bare) ? hint : `write "${bare}" in double quotes if it is text`,
    );
  }

  #name(what: string): string {
    const word = this.take(WORD);
    if (word === null) this.fail(`expected ${what}`, "a port is written node.port");
    if (!IDENTIFIER.test(word)) {
      const near = word.toLowerCase().replaceAll("-", "_");
      const rule = "names are a-z, 0-9 and _, begin with a letter and have at most 64 characters";
      this.fail(
        `\`${word.slice(0, 80)}\` is not an identifier`,
        IDENTIFIER.test(near) ? `did you mean \`${near}\`?` : rule,
        true,
      );
    }
    return word;
  }

  #space(): void {
    while (this.text[this.#at] === " " || this.text[this.#at] === "\t") this.#at++;
  }
}

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}

/**
 * Compares a value on a port with a literal. Numbers compare as numbers; order exists between two numbers and between two
 * strings (by UTF-16 units, as RFC 8785 sorts). Another type is false under every operator, `!=` too.
 */
export function evaluateGuard(op: Operator, literal: Literal, value: Json): boolean {
  if (typeof value !== typeof literal) return false;
  if (op === "==") return value === literal;
  if (op === "!=") return value !== literal;
  if (typeof literal === "boolean" || typeof value === "boolean" || value === null || typeof value === "object") return false;
  switch (op) {
    case ">":
      return value > literal;
    case ">=":
      return value >= literal;
    case "<":
      return value < literal;
    case "<=":
      return value <= literal;
  }
}

/** Whether an expression holds over what lies on the ports: any message that matches is enough; a port without messages is false. */
export function holds(expression: Expression, ports: (ref: PortRef) => readonly Json[]): boolean {
  const values = ports(expression.ref);
  if (expression.kind === "exists") return values.length > 0;
  return values.some((value) => evaluateGuard(expression.op, expression.literal, value));
}
