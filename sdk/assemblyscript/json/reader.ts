/** Reads JSON (RFC 8259) as `JSON.parse` does: the same texts, the same values; of members with one name the last counts. */
import { CallError, Result } from "../result";
import { Text } from "../text";
import { Json } from "./value";
import { parseDecimal } from "./number";

/** Arrays and objects may be nested this deep, as the host has it. */
const DEPTH = 64;

export function parse(text: string): Result<Json> {
  return parseWithin(text, DEPTH);
}

/** As {@link parse}, with another limit of depth. Each level takes some of the guest's small stack. */
export function parseWithin(text: string, depth: i32): Result<Json> {
  const reader = new Reader(text, depth);
  const value = reader.document();
  return value ? Result.of<Json>(value) : Result.failed<Json>(reader.error());
}

/** Null from a method means: `problem` says what is wrong, `at` counts units from 0. */
class Reader {
  private at: i32 = 0;
  private problem: string = "";
  private readonly end: i32;

  constructor(
    private readonly text: string,
    private readonly depth: i32,
  ) {
    this.end = text.length;
  }

  error(): CallError {
    return new CallError("invalid", this.problem + " at " + this.at.toString());
  }

  document(): Json | null {
    const value = this.value(0);
    if (!value) return null;
    this.space();
    return this.at == this.end ? value : this.refuse("more text after the value");
  }

  /** The unit at the place, or 0 at the end (where a NUL stands in the text itself, no rule takes it either). */
  // @ts-ignore: decorator
  @inline
  private peek(): u32 {
    return this.at < this.end ? <u32>load<u16>(changetype<usize>(this.text) + (<usize>this.at << 1)) : 0;
  }

  private space(): void {
    for (let unit = this.peek(); unit == 0x20 || unit == 0x0a || unit == 0x0d || unit == 0x09; unit = this.peek()) this.at++;
  }

  private refuse(problem: string): Json | null {
    this.problem = this.at < this.end ? problem : "the text ends too early";
    return null;
  }

  private value(depth: i32): Json | null {
    this.space();
    switch (this.peek()) {
      case 0x7b: // {
        return this.object(depth + 1);
      case 0x5b: // [
        return this.array(depth + 1);
      case 0x22: { // "
        const text = this.string();
        return text == null ? null : Json.text(text);
      }
      case 0x74: // t
        return this.word("true", Json.bool(true));
      case 0x66: // f
        return this.word("false", Json.bool(false));
      case 0x6e: // n
        return this.word("null", Json.nothing);
      default:
        return this.number();
    }
  }

  private word(word: string, value: Json): Json | null {
    for (let i = 0; i < word.length; i++, this.at++) {
      if (this.peek() != <u32>word.charCodeAt(i)) return this.refuse("not a JSON value");
    }
    return value;
  }

  private array(depth: i32): Json | null {
    if (depth > this.depth) return this.refuse("nested deeper than " + this.depth.toString());
    const array = Json.array();
    this.at++;
    this.space();
    if (this.peek() == 0x5d) {
      this.at++;
      return array;
    }
    while (true) {
      const element = this.value(depth);
      if (!element) return null;
      array.push(element);
      this.space();
      const unit = this.peek();
      if (unit != 0x2c && unit != 0x5d) return this.refuse("`,` or `]` is missing");
      this.at++;
      if (unit == 0x5d) return array;
    }
  }

  private object(depth: i32): Json | null {
    if (depth > this.depth) return this.refuse("nested deeper than " + this.depth.toString());
    const object = Json.object();
    this.at++;
    this.space();
    if (this.peek() == 0x7d) {
      this.at++;
      return object;
    }
    while (true) {
      this.space();
      if (this.peek() != 0x22) return this.refuse("a member's name is missing");
      const name = this.string();
      if (name == null) return null;
      this.space();
      if (this.peek() != 0x3a) return this.refuse("`:` is missing");
      this.at++;
      const value = this.value(depth);
      if (!value) return null;
      object.set(name, value);
      this.space();
      const unit = this.peek();
      if (unit != 0x2c && unit != 0x7d) return this.refuse("`,` or `}` is missing");
      this.at++;
      if (unit == 0x7d) return object;
    }
  }

  /** A string without escapes is one copy; the first escape starts a buffer. */
  private string(): string | null {
    let start = ++this.at;
    let built: Text | null = null;
    while (this.at < this.end) {
      const unit = this.peek();
      if (unit == 0x22) {
        const last = this.at++;
        return built ? built.slice(this.text, start, last).toString() : this.text.substring(start, last);
      }
      if (unit < 0x20) break;
      if (unit == 0x5c) {
        if (!built) built = new Text();
        built.slice(this.text, start, this.at++);
        const code = this.escape();
        if (code < 0) return null;
        built.unit(<u32>code);
        start = this.at;
      } else {
        this.at++;
      }
    }
    this.refuse("a control character in a string");
    return null;
  }

  /** What stands behind a backslash, as one unit; -1 where it is no escape. */
  private escape(): i32 {
    const unit = this.peek();
    this.at++;
    switch (unit) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        return <i32>unit;
      case 0x62:
        return 0x08;
      case 0x66:
        return 0x0c;
      case 0x6e:
        return 0x0a;
      case 0x72:
        return 0x0d;
      case 0x74:
        return 0x09;
      case 0x75: {
        let code = 0;
        for (let i = 0; i < 4; i++, this.at++) {
          const digit = hexadecimal(this.peek());
          if (digit < 0) {
            this.refuse("`\\u` without four hexadecimal digits");
            return -1;
          }
          code = (code << 4) | digit;
        }
        return code;
      }
      default:
        this.at--;
        this.refuse("no such escape");
        return -1;
    }
  }

  private digits(): bool {
    const start = this.at;
    for (let unit = this.peek(); unit >= 0x30 && unit <= 0x39; unit = this.peek()) this.at++;
    return this.at > start;
  }

  private number(): Json | null {
    const start = this.at;
    if (this.peek() == 0x2d) this.at++;
    if (this.peek() == 0x30) this.at++;
    else if (!this.digits()) return this.refuse("not a JSON value");
    const whole = this.at;
    if (this.peek() == 0x2e) {
      this.at++;
      if (!this.digits()) return this.refuse("a digit is missing behind the point");
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      if (!this.digits()) return this.refuse("the exponent has no digit");
    }
    const short = this.at == whole && whole - start <= SHORT;
    return Json.number(short ? parseShort(this.text, start, whole) : parseDecimal(this.text, start, this.at));
  }
}

/** An integer of so few units that each step of reading it is exact. */
const SHORT = 12;

function parseShort(text: string, start: i32, end: i32): f64 {
  const negative = text.charCodeAt(start) == 0x2d;
  let value: f64 = 0;
  for (let at = start + <i32>negative; at < end; at++) value = value * 10 + <f64>(text.charCodeAt(at) - 0x30);
  return negative ? -value : value;
}

function hexadecimal(unit: u32): i32 {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
