/**
 * `runloop:agent@0.1.0` as data: the types that a component's imports and its export must have, structurally, and by which values
 * cross the border. `sdk/wit/*.wit` is the source; a test decodes a component made from it and compares it with this table.
 *
 * Sandbox processes read it too: it imports no library.
 */
import {
  bool,
  borrow,
  f32,
  f64,
  func,
  list,
  option,
  own,
  record,
  string,
  tuple,
  u16,
  u32,
  u64,
  u8,
  variant,
  type WitFunction,
  type WitInterface,
  type WitType,
} from "./type.js";

const unavailability = record({ message: string, "retry-after-ms": u64 });
export const errorType = variant({
  denied: string,
  "budget-exhausted": string,
  timeout: string,
  cancelled: string,
  invalid: string,
  unavailable: unavailability,
  failed: string,
});
const inputMessage = record({ port: string, type: string, body: string, labels: list(string) });
export const invocationType = record({ node: string, attempt: u32, with: string, inputs: list(inputMessage) });
const outputMessage = record({ port: string, type: string, body: string });
const failureType = record({ code: string, message: string, retryable: bool });
const fallible = (ok: WitType | null): WitType => ({ kind: "result", ok, err: errorType });

const level: WitType = { kind: "enum", names: ["trace", "debug", "info", "warn", "error"] };
const searchOptions = record({ limit: u32, kind: string, domain: string });
const hit = record({ citation: string, title: string, text: string, uri: string, domain: string, score: f64 });
const completion = record({ text: string, model: string, "input-tokens": u32, "output-tokens": u32 });
const completionOptions = record({ model: string, "max-tokens": u32, temperature: f64, local: string });
const headerValue = variant({ text: string, secret: string });
const header = record({ name: string, value: headerValue });
const request = record({
  method: string,
  url: string,
  headers: list(header),
  body: list(u8),
  "timeout-ms": u64,
  "max-bytes": u64,
});
const response = record({ status: u16, headers: list(tuple(string, string)), body: list(u8) });
const outcome = variant({ done: string, rejected: string });

export const PACKAGE = "runloop:agent";
export const VERSION = "0.1.0";

/** By short name: `kb` is `runloop:agent/kb@0.1.0`. */
export const interfaces: Readonly<Record<string, WitInterface>> = {
  types: {
    types: {
      error: errorType,
      unavailability,
      "input-message": inputMessage,
      "output-message": outputMessage,
      invocation: invocationType,
      failure: failureType,
    },
    functions: {},
  },
  log: {
    types: { level },
    functions: { write: func({ level, message: string, fields: string }, null) },
  },
  kb: {
    types: { error: errorType, "search-options": searchOptions, hit },
    functions: {
      search: func({ query: string, options: searchOptions }, fallible(list(hit))),
      get: func({ key: string }, fallible(option(string))),
      query: func({ filter: string }, fallible(string)),
      propose: func({ delta: string }, fallible(u64)),
    },
  },
  model: {
    types: { error: errorType, completion, "completion-options": completionOptions },
    resources: ["completion-stream"],
    functions: {
      complete: func({ prompt: string, options: completionOptions }, fallible(completion)),
      chat: func({ messages: string, tools: string, options: completionOptions }, fallible(string)),
      embed: func({ texts: list(string), model: string }, fallible(list(list(f32)))),
      "[method]completion-stream.next": func({ self: borrow("model/completion-stream") }, fallible(option(string))),
      stream: func({ prompt: string, options: completionOptions }, fallible(own("model/completion-stream"))),
    },
  },
  http: {
    types: { error: errorType, header, "header-value": headerValue, request, response },
    functions: { fetch: func({ request }, fallible(response)) },
  },
  tools: {
    types: { error: errorType },
    functions: {
      list: func({}, fallible(string)),
      call: func({ name: string, arguments: string }, fallible(string)),
    },
  },
  actions: {
    types: { error: errorType, outcome },
    functions: { propose: func({ kind: string, arguments: string }, fallible(outcome)) },
  },
  clock: {
    types: { error: errorType },
    functions: { "now-ms": func({}, fallible(u64)), "monotonic-ns": func({}, fallible(u64)) },
  },
  random: {
    types: { error: errorType },
    functions: { "next-u64": func({}, fallible(u64)), bytes: func({ len: u32 }, fallible(list(u8))) },
  },
  state: {
    types: { error: errorType },
    functions: {
      get: func({ key: string }, fallible(option(string))),
      set: func({ key: string, value: string }, fallible(null)),
      delete: func({ key: string }, fallible(null)),
      keys: func({}, fallible(list(string))),
    },
  },
};

/** The world's types that a component imports beside interfaces (`use types.{…}` in the world). */
export const worldTypes: Readonly<Record<string, WitType>> = {
  invocation: invocationType,
  "output-message": outputMessage,
  failure: failureType,
};

/** The world's one export. */
export const run: WitFunction = func(
  { invocation: invocationType },
  {
    kind: "result",
    ok: list(outputMessage),
    err: failureType,
  },
);

/** `runloop:agent/kb@0.1.0` → `kb`; undefined for everything that is not an interface of ours in this version. */
export function shortName(versioned: string): string | undefined {
  const prefix = `${PACKAGE}/`;
  const suffix = `@${VERSION}`;
  if (!versioned.startsWith(prefix) || !versioned.endsWith(suffix)) return undefined;
  const name = versioned.slice(prefix.length, -suffix.length);
  return Object.hasOwn(interfaces, name) ? name : undefined;
}

export const versionedName = (short: string): string => `${PACKAGE}/${short}@${VERSION}`;
