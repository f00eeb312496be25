/**
 * `URL` and `URLSearchParams` as the WHATWG standard has them, for http, https, ws, wss, ftp and for schemes without rules of their own. Not
 * there: international host names (write them in their `xn--` form) and `file:`.
 */
import { CHANGED, REPLACE, SEARCH } from "./inner.js";
import { decodeUtf8, encodeUtf8 } from "./utf8.js";

const PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21" };

/** Characters beyond controls and non-ASCII that each part escapes. */
const FRAGMENT = ' "<>`';
const QUERY = ' "#<>';
const SPECIAL_QUERY = `${QUERY}'`;
const PATH = `${QUERY}?^\`{}`;
const USERINFO = `${PATH}/:;=@[\\]|`;

function escaped(text: string, set: string): string {
  let out = "";
  for (const character of text.toWellFormed()) {
    const code = character.codePointAt(0) as number;
    if (code > 0x1f && code < 0x7f && !set.includes(character)) out += character;
    else for (const byte of encodeUtf8(character)) out += percent(byte);
  }
  return out;
}
const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;

function unescaped(text: string): string {
  const bytes = encodeUtf8(text);
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const pair = bytes[at] === 0x25 ? String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0) : "";
    if (/^[0-9a-fA-F]{2}$/.test(pair)) {
      out.push(Number.parseInt(pair, 16));
      at += 2;
    } else out.push(bytes[at] as number);
  }
  return decodeUtf8(Uint8Array.from(out));
}

interface Parts {
  scheme: string;
  username: string;
  password: string;
  /** Null: there is no authority. */
  host: string | null;
  port: string;
  /** Segments, or one opaque text. */
  path: string[] | string;
  query: string | null;
  fragment: string | null;
}

const invalid = (input: string): TypeError => new TypeError(`Invalid URL: ${input.slice(0, 200)}`);

function parse(input: string, base: Parts | null): Parts {
  // Controls and spaces around, tabs and line ends within, are not part of it.
  // oxlint-disable-next-line no-control-regex
  const text = input.replace(/^[\0- ]+|[\0- ]+$/g, "").replace(/[\t\n\r]/g, "");
  const [, before = "", fragment] = /^([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(before)?.[1]?.toLowerCase();
  const settledFragment = fragment === undefined ? null : escaped(fragment, FRAGMENT);
  let rest = scheme === undefined ? before : before.slice(scheme.length + 1);
  let own = scheme === undefined ? null : `${scheme}:`;
  // `http:path` is relative to a base of the same scheme.
  if (own !== null && own === base?.scheme && own in PORTS && !/^[/\\]{2}/.test(rest)) own = null;
  if (own === "file:" || (own === null && base?.scheme === "file:")) throw invalid(input);
  const settled = own ?? base?.scheme;
  if (settled === undefined) throw invalid(input);
  const special = settled in PORTS;
  const [, hierarchy = "", search] = /^([^?]*)(?:\?(.*))?$/s.exec(rest) ?? [];
  const query = search === undefined ? null : escaped(search, special ? SPECIAL_QUERY : QUERY);
  rest = special ? hierarchy.replaceAll("\\", "/") : hierarchy;
  const tail = { query, fragment: settledFragment };

  if (own === null && base) {
    if (typeof base.path === "string") {
      if (before !== "" || fragment === undefined) throw invalid(input);
      return { ...base, fragment: settledFragment };
    }
    if (!rest.startsWith("//")) {
      const { username, password, host, port } = base;
      const kept = { scheme: settled, username, password, host, port };
      if (rest === "")
        return { ...kept, path: base.path, query: search === undefined ? base.query : query, fragment: settledFragment };
      const above = rest.startsWith("/") ? [] : base.path.slice(0, -1);
      return { ...kept, path: segments(rest.replace(/^\//, ""), above, special), ...tail };
    }
  }
  const authority = special ? /^\/*([^/]*)(.*)$/s.exec(rest) : rest.startsWith("//") ? /^\/\/([^/]*)(.*)$/s.exec(rest) : null;
  if (!authority) {
    if (special) throw invalid(input);
    const opaque = !rest.startsWith("/");
    const path = opaque ? escaped(rest, "") : segments(rest.slice(1), [], false);
    return { scheme: settled, username: "", password: "", host: null, port: "", path, ...tail };
  }
  const [, place = "", path = ""] = authority;
  const at = place.lastIndexOf("@");
  const [name = "", ...words] = at < 0 ? [] : place.slice(0, at).split(":");
  const [, host = "", port = ""] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(place.slice(at + 1)) ?? [];
  if (!/^[0-9]*$/.test(port) || Number(port) > 65_535) throw invalid(input);
  if (host === "" && (special || port !== "" || at >= 0)) throw invalid(input);
  const number = port === "" ? "" : String(Number(port));
  return {
    scheme: settled,
    username: escaped(name, USERINFO),
    password: escaped(words.join(":"), USERINFO),
    host: special ? specialHost(host, input) : opaqueHost(host, input),
    port: number === PORTS[settled] ? "" : number,
    path: path === "" && !special ? [] : segments(path.replace(/^\//, ""), [], special),
    ...tail,
  };
}

/** Resolves dots, `%2e` too. */
function segments(text: string, above: readonly string[], special: boolean): string[] {
  const out = [...above];
  const parts = (special ? text.replaceAll("\\", "/") : text).split("/");
  parts.forEach((part, index) => {
    const plain = part.replace(/%2e/gi, ".");
    const isLast = index === parts.length - 1;
    if (plain === "..") out.pop();
    else if (plain !== ".") out.push(escaped(part, PATH));
    if (isLast && (plain === ".." || plain === ".")) out.push("");
  });
  return out;
}

function opaqueHost(host: string, input: string): string {
  if (host.startsWith("[")) return `[${ipv6(host.slice(1, -1), input)}]`;
  // oxlint-disable-next-line no-control-regex
  if (/[\0\t\n\r #/:<>?@[\\\]^|]/.test(host)) throw invalid(input);
  return escaped(host, "");
}

function specialHost(host: string, input: string): string {
  if (host.startsWith("[")) {
    if (!host.endsWith("]")) throw invalid(input);
    return `[${ipv6(host.slice(1, -1), input)}]`;
  }
  const name = unescaped(host).toLowerCase();
  // oxlint-disable-next-line no-control-regex
  if (name === "" || /[\0- #%/:<>?@[\\\]^|\x7f]/.test(name)) throw invalid(input);
  if (/[^\0-\x7f]/.test(name))
    throw new TypeError(`Invalid URL: the host \`${name.slice(0, 100)}\` has to be written in its xn-- form`);
  const labels = name.split(".");
  if (labels.at(-1) === "" && labels.length > 1) labels.pop();
  return /^([0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) as string) ? ipv4(labels, input) : name;
}

function ipv4(labels: readonly string[], input: string): string {
  if (labels.length > 4) throw invalid(input);
  const numbers = labels.map((label) => {
    const value = /^0x[0-9a-f]*$/.test(label)
      ? Number.parseInt(label.slice(2) || "0", 16)
      : /^0[0-7]+$/.test(label)
        ? Number.parseInt(label, 8)
        : /^(0|[1-9][0-9]*)$/.test(label)
          ? Number(label)
          : Number.NaN;
    if (Number.isNaN(value)) throw invalid(input);
    return value;
  });
  const last = numbers.pop() as number;
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) throw invalid(input);
  const whole = numbers.reduce((sum, number, index) => sum + number * 256 ** (3 - index), last);
  return [24, 16, 8, 0].map((shift) => Math.floor(whole / 2 ** shift) % 256).join(".");
}

function ipv6(text: string, input: string): string {
  let source = text;
  const dotted = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(source);
  if (dotted) {
    const bytes = dotted.slice(2).map(Number);
    if (bytes.some((byte) => byte > 255) || dotted.slice(2).some((byte) => /^0\d/.test(byte))) throw invalid(input);
    const [a, b, c, d] = bytes as [number, number, number, number];
    source = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) throw invalid(input);
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if ([...head, ...tail].some((piece) => !/^[0-9a-fA-F]{1,4}$/.test(piece))) throw invalid(input);
  if (halves.length === 1 ? missing !== 0 : missing < 1) throw invalid(input);
  const pieces = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill("0"), ...tail].map((piece) =>
    Number.parseInt(piece, 16),
  );
  let [best, bestLength] = [-1, 1];
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (pieces[at + length] === 0) length++;
    if (length > bestLength) [best, bestLength] = [at, length];
  }
  const hex = pieces.map((piece) => piece.toString(16));
  return best < 0 ? hex.join(":") : `${hex.slice(0, best).join(":")}::${hex.slice(best + bestLength).join(":")}`;
}

function pathText({ path, host }: Parts): string {
  if (typeof path === "string") return path;
  const text = path.map((segment) => `/${segment}`).join("");
  // Else it would read as an authority.
  return host === null && text.startsWith("//") ? `/.${text}` : text;
}

function serialized(parts: Parts): string {
  const { scheme, username, password, host, port, query, fragment } = parts;
  const user = username === "" && password === "" ? "" : `${username}${password === "" ? "" : `:${password}`}@`;
  const place = host === null ? "" : `//${user}${host}${port === "" ? "" : `:${port}`}`;
  return `${scheme}${place}${pathText(parts)}${query === null ? "" : `?${query}`}${fragment === null ? "" : `#${fragment}`}`;
}

export class URL {
  private parts: Parts;
  readonly searchParams: URLSearchParams;

  constructor(input: unknown, base?: unknown) {
    const below = base === undefined ? null : parse(String(base), null);
    this.parts = parse(String(input), below);
    this.searchParams = new URLSearchParams(this.parts.query ?? "");
    this.searchParams[CHANGED] = (text) => {
      this.parts.query = text === "" ? null : text;
    };
  }
  static canParse(input: unknown, base?: unknown): boolean {
    return URL.parse(input, base) !== null;
  }
  static parse(input: unknown, base?: unknown): URL | null {
    try {
      return new URL(input, base);
    } catch {
      return null;
    }
  }
  get href(): string {
    return serialized(this.parts);
  }
  get origin(): string {
    return this.parts.scheme in PORTS ? `${this.parts.scheme}//${this.host}` : "null";
  }
  get protocol(): string {
    return this.parts.scheme;
  }
  get username(): string {
    return this.parts.username;
  }
  get password(): string {
    return this.parts.password;
  }
  get host(): string {
    return `${this.hostname}${this.port === "" ? "" : `:${this.port}`}`;
  }
  get hostname(): string {
    return this.parts.host ?? "";
  }
  get port(): string {
    return this.parts.port;
  }
  get pathname(): string {
    const { path } = this.parts;
    return typeof path === "string" ? path : path.map((segment) => `/${segment}`).join("");
  }
  set pathname(value: string) {
    if (typeof this.parts.path === "string") return;
    const special = this.parts.scheme in PORTS;
    const text = escaped(String(value), "?#");
    this.parts.path = segments((special ? text.replaceAll("\\", "/") : text).replace(/^\//, ""), [], special);
  }
  get search(): string {
    return this.parts.query ? `?${this.parts.query}` : "";
  }
  set search(value: string) {
    const text = String(value).replace(/^\?/, "");
    this.parts.query = text === "" ? null : escaped(text, this.parts.scheme in PORTS ? SPECIAL_QUERY : QUERY);
    this.searchParams[REPLACE](this.parts.query ?? "");
  }
  get hash(): string {
    return this.parts.fragment ? `#${this.parts.fragment}` : "";
  }
  set hash(value: string) {
    const text = String(value).replace(/^#/, "");
    this.parts.fragment = text === "" ? null : escaped(text, FRAGMENT);
  }
  toString(): string {
    return this.href;
  }
  toJSON(): string {
    return this.href;
  }
}

export class URLSearchParams {
  private list: [string, string][] = [];
  /** Told of each change: the URL that these belong to. */
  [CHANGED]: ((text: string) => void) | null = null;

  constructor(from: unknown = "") {
    if (typeof from === "object" && from !== null && Symbol.iterator in from)
      for (const pair of from as Iterable<unknown>) {
        const [name, value, ...more] = [...(pair as Iterable<unknown>)];
        if (more.length > 0 || value === undefined) throw new TypeError("each entry of URLSearchParams is a pair");
        this.list.push([String(name).toWellFormed(), String(value).toWellFormed()]);
      }
    else if (typeof from === "object" && from !== null)
      this.list = Object.entries(from).map(([name, value]) => [name.toWellFormed(), String(value).toWellFormed()]);
    else this[REPLACE](String(from).replace(/^\?/, ""));
  }
  get [SEARCH](): boolean {
    return true;
  }
  [REPLACE](text: string): void {
    this.list = text
      .split("&")
      .filter((part) => part !== "")
      .map((part) => {
        const at = part.indexOf("=");
        const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
        return [unescaped(name.replaceAll("+", " ")), unescaped(value.replaceAll("+", " "))];
      });
  }
  private store(list: [string, string][]): void {
    this.list = list;
    this[CHANGED]?.(this.toString());
  }
  get size(): number {
    return this.list.length;
  }
  append(name: unknown, value: unknown): void {
    this.store([...this.list, [String(name).toWellFormed(), String(value).toWellFormed()]]);
  }
  delete(name: unknown, value?: unknown): void {
    this.store(this.list.filter(([key, held]) => key !== String(name) || (value !== undefined && held !== String(value))));
  }
  get(name: unknown): string | null {
    return this.list.find(([key]) => key === String(name))?.[1] ?? null;
  }
  getAll(name: unknown): string[] {
    return this.list.filter(([key]) => key === String(name)).map(([, value]) => value);
  }
  has(name: unknown, value?: unknown): boolean {
    return this.list.some(([key, held]) => key === String(name) && (value === undefined || held === String(value)));
  }
  set(given: unknown, to: unknown): void {
    const [name, value] = [String(given).toWellFormed(), String(to).toWellFormed()];
    const at = this.list.findIndex(([key]) => key === name);
    const others = this.list.filter(([key], index) => key !== name || index === at);
    this.store(at < 0 ? [...others, [name, value]] : others.map((pair) => (pair[0] === name ? [name, value] : pair)));
  }
  sort(): void {
    this.store([...this.list].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  forEach(each: (value: string, name: string, params: URLSearchParams) => void): void {
    for (const [name, value] of this.list) each(value, name, this);
  }
  *entries(): IterableIterator<[string, string]> {
    for (const [name, value] of this.list) yield [name, value];
  }
  *keys(): IterableIterator<string> {
    for (const [name] of this.list) yield name;
  }
  *values(): IterableIterator<string> {
    for (const [, value] of this.list) yield value;
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
  toString(): string {
    return this.list.map(([name, value]) => `${form(name)}=${form(value)}`).join("&");
  }
}

function form(text: string): string {
  let out = "";
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte);
    out += byte === 0x20 ? "+" : /[A-Za-z0-9*._-]/.test(character) ? character : percent(byte);
  }
  return out;
}
