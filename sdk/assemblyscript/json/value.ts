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

// What values without parts hold in place of parts of their own. Never written to.
const noItems: Json[] = [];
const noNames: string[] = [];

export class Json {
  private flag: bool = false;
  private double: f64 = 0;
  private string: string = "";
  private items: Json[] = noItems;
  private names: string[] = noNames;
  private index: Map<string, i32> | null = null;

  private constructor(readonly kind: Kind) {}

  /** JSON null; also what `get`, `at` and `first` find where nothing is. */
  static readonly nothing: Json = new Json(Kind.Null);

  static bool(value: bool): Json {
    const json = new Json(Kind.Bool);
    json.flag = value;
    return json;
  }

  static number(value: f64): Json {
    const json = new Json(Kind.Number);
    json.double = value;
    return json;
  }

  static text(value: string): Json {
    const json = new Json(Kind.String);
    json.string = value;
    return json;
  }

  static array(): Json {
    const json = new Json(Kind.Array);
    json.items = [];
    return json;
  }

  static object(): Json {
    const json = new Json(Kind.Object);
    json.items = [];
    json.names = [];
    return json;
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
    return this.items.length;
  }

  asText(otherwise: string = ""): string {
    return this.kind == Kind.String ? this.string : otherwise;
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
    return this.kind == Kind.Array && i >= 0 && i < this.items.length ? this.items[i] : Json.nothing;
  }

  /** The member's name at `i`, in the order of the object. */
  nameAt(i: i32): string {
    return this.names[i];
  }
  /** The member's value at `i`, in the order of the object. */
  valueAt(i: i32): Json {
    return this.items[i];
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
    assert(this.kind == Kind.Array, "push on a JSON value that is no array");
    this.items.push(Json.of<T>(value));
    return this;
  }

  /** Sets a member of an object; one that is there keeps its place. */
  set<T>(name: string, value: T): Json {
    assert(this.kind == Kind.Object, "set on a JSON value that is no object");
    const json = Json.of<T>(value);
    const i = this.find(name);
    if (i >= 0) {
      this.items[i] = json;
      return this;
    }
    const index = this.index;
    if (index) index.set(name, this.names.length);
    this.names.push(name);
    this.items.push(json);
    if (!index && this.names.length > INDEXED) this.addIndex();
    return this;
  }

  toString(): string {
    return stringify(this);
  }

  private find(name: string): i32 {
    const index = this.index;
    if (index) return index.has(name) ? index.get(name) : -1;
    const names = this.names;
    for (let i = 0; i < names.length; i++) if (names[i] == name) return i;
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
