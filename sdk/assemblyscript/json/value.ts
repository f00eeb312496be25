/** JSON values. Typed getters with defaults stand in for checks; objects keep the order in which their members were set. */
import { stringify } from "./writer";

export enum Kind {
  Null,
  Bool,
  Number,
  String,
  Array,
  Object,
}

/** Objects with more members than this get an index; up to it, comparing in turn is faster. */
const INDEXED = 8;

// Made when it is asked for first: what a module makes at its beginning, each attempt of each agent makes.
let nothing: Json | null = null;

export class Json {
  readonly kind: Kind;
  // What a value has no use for stays zero or null in it.
  private flag: bool;
  private double: f64;
  private string: string | null;
  private held: Json[] | null;
  private labels: string[] | null;
  private index: Map<string, i32> | null;

  private constructor() {}

  /** Memory comes cleared: the constructor that the compiler makes would clear each field once more, by a call of its own. */
  private static made(kind: Kind): Json {
    const json = changetype<Json>(__new(offsetof<Json>(), idof<Json>()));
    store<Kind>(changetype<usize>(json), kind, offsetof<Json>("kind"));
    return json;
  }

  /** JSON null; also what `get`, `at` and `first` find where nothing is. */
  static get nothing(): Json {
    const known = nothing;
    if (known) return known;
    const made = Json.made(Kind.Null);
    nothing = made;
    return made;
  }

  static bool(value: bool): Json {
    const json = Json.made(Kind.Bool);
    json.flag = value;
    return json;
  }

  static number(value: f64): Json {
    const json = Json.made(Kind.Number);
    json.double = value;
    return json;
  }

  static text(value: string): Json {
    const json = Json.made(Kind.String);
    json.string = value;
    return json;
  }

  static array(): Json {
    return Json.made(Kind.Array);
  }

  static object(): Json {
    return Json.made(Kind.Object);
  }

  /** A string, number, bool or {@link Json}, or an array of these, as JSON. 64-bit integers lose what a double cannot hold. */
  static of<T>(value: T): Json {
    if (isString<T>()) return Json.text(changetype<string>(value));
    if (isBoolean<T>()) return Json.bool(<bool>value);
    if (isInteger<T>() || isFloat<T>()) return Json.number(<f64>value);
    if (idof<T>() == idof<Json>()) return changetype<Json>(value);
    if (isArray<T>()) {
      const json = Json.array();
      for (let i = 0; i < value.length; i++) json.push(value[i]);
      return json;
    }
    ERROR("this type has no JSON form: give a string, a number, a bool, a Json or an array of these");
  }

  get isNull(): bool {
    return this.kind == Kind.Null;
  }
  get isText(): bool {
    return this.kind == Kind.String;
  }
  get isArray(): bool {
    return this.kind == Kind.Array;
  }
  get isObject(): bool {
    return this.kind == Kind.Object;
  }

  /** Elements of an array, members of an object, 0 for anything else. */
  get length(): i32 {
    const held = this.held;
    return held ? held.length : 0;
  }

  asText(otherwise: string = ""): string {
    return this.kind == Kind.String ? changetype<string>(this.string) : otherwise;
  }
  asNumber(otherwise: f64 = 0): f64 {
    return this.kind == Kind.Number ? this.double : otherwise;
  }
  asBool(otherwise: bool = false): bool {
    return this.kind == Kind.Bool ? this.flag : otherwise;
  }
  /** The number as an integer: fractions are cut off, what is out of range becomes the nearest i32. */
  asInt(otherwise: i32 = 0): i32 {
    if (this.kind != Kind.Number || isNaN(this.double)) return otherwise;
    return <i32>min<f64>(max<f64>(this.double, i32.MIN_VALUE), i32.MAX_VALUE);
  }

  /** The element at `i`, or null where there is none. */
  at(i: i32): Json {
    return this.kind == Kind.Array && i >= 0 && i < this.length ? this.items[i] : Json.nothing;
  }

  /** The member's name at `i`, in the order of the object. */
  nameAt(i: i32): string {
    return assert(this.labels, "a JSON value without members was asked for the name of one")[i];
  }
  /** The member's value at `i`, in the order of the object. */
  valueAt(i: i32): Json {
    return assert(this.held, "a JSON value without parts was asked for one")[i];
  }

  has(name: string): bool {
    return this.find(name) >= 0;
  }
  /** The member's value, or null where there is none. */
  get(name: string): Json {
    const i = this.find(name);
    return i < 0 ? Json.nothing : this.items[i];
  }
  getString(name: string, otherwise: string = ""): string {
    return this.get(name).asText(otherwise);
  }
  getNumber(name: string, otherwise: f64 = 0): f64 {
    return this.get(name).asNumber(otherwise);
  }
  getInt(name: string, otherwise: i32 = 0): i32 {
    return this.get(name).asInt(otherwise);
  }
  getBool(name: string, otherwise: bool = false): bool {
    return this.get(name).asBool(otherwise);
  }
  /** The strings of an array member; anything else in it is left out. */
  getStrings(name: string): string[] {
    const member = this.get(name);
    const strings: string[] = [];
    for (let i = 0; i < member.length; i++) if (member.at(i).isText) strings.push(member.at(i).asText());
    return strings;
  }

  /** Appends to an array. */
  push<T>(value: T): Json {
    return this.append(Json.of<T>(value));
  }

  /** Sets a member of an object; one that is there keeps its place. */
  set<T>(name: string, value: T): Json {
    return this.put(name, Json.of<T>(value));
  }

  toString(): string {
    return stringify(this);
  }

  private append(value: Json): Json {
    assert(this.kind == Kind.Array, "push on a JSON value that is no array");
    if (!this.held) this.held = [];
    this.items.push(value);
    return this;
  }

  private put(name: string, value: Json): Json {
    assert(this.kind == Kind.Object, "set on a JSON value that is no object");
    if (!this.held) {
      this.held = [];
      this.labels = [];
    }
    const i = this.find(name);
    if (i >= 0) {
      this.items[i] = value;
      return this;
    }
    const index = this.index;
    if (index) index.set(name, this.names.length);
    this.names.push(name);
    this.items.push(value);
    if (!index && this.names.length > INDEXED) this.addIndex();
    return this;
  }

  /** Of an array or an object that has something. */
  // @ts-ignore: decorator
  @inline
  private get items(): Json[] {
    return changetype<Json[]>(this.held);
  }

  /** Of an object that has something. */
  // @ts-ignore: decorator
  @inline
  private get names(): string[] {
    return changetype<string[]>(this.labels);
  }

  private find(name: string): i32 {
    const index = this.index;
    if (index) return index.has(name) ? index.get(name) : -1;
    const names = this.labels;
    if (names) for (let i = 0; i < names.length; i++) if (names[i] == name) return i;
    return -1;
  }

  private addIndex(): void {
    const index = new Map<string, i32>();
    for (let i = 0; i < this.names.length; i++) index.set(this.names[i], i);
    this.index = index;
  }
}

/** An empty object, to be filled with `set`. */
export function json(): Json {
  return Json.object();
}

/** An empty array, to be filled with `push`. */
export function list(): Json {
  return Json.array();
}
