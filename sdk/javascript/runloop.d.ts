// oxlint-disable typescript/no-explicit-any -- what comes from outside is whatever it is.
/**
 * What an agent in JavaScript or TypeScript finds: the module "runloop", and globals. For editors and the TypeScript compiler; `rlp agent build` does
 * not read it. What a capability links, and what each function needs, is in docs/reference/wit.md of rlp.
 */
declare module "runloop" {
  /** Any JSON value. */
  export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

  /** One attempt of one node. */
  export interface Invocation {
    readonly node: string;
    /** From 1. */
    readonly attempt: number;
    /** The node's `with` map. */
    readonly with: Readonly<Record<string, Json>>;
    /** The first value of each port on which something arrived. */
    readonly inputs: Readonly<Record<string, Json | undefined>>;
    /** All values of a port, in the order of the edges in the opening's file. */
    all(port: string): Json[];
    /** Everything that arrived, with its type and where it came from. */
    readonly messages: readonly {
      readonly port: string;
      readonly type: string;
      readonly value: Json;
      readonly labels: readonly string[];
    }[];
  }

  /** A value for each port: `{ out: "hello" }`. A port that is not named, or whose value is undefined, gets nothing. */
  export type Outputs = Record<string, unknown>;
  /** What the default export of `src/agent.js` or `src/agent.ts` is. */
  export type Agent = (call: Invocation) => Outputs | AgentFailure | void | Promise<Outputs | AgentFailure | void>;

  /** A value of another type than the first that the manifest names for its port. */
  export function message(value: unknown, type: string): object;
  /** Several messages for one port; an array alone is one message. */
  export function several(...items: unknown[]): object;

  /** The agent's own failure: return it, or throw it. With `retryable` the opening's `retry` block applies. */
  export function fail(code: string, message: string, options?: { retryable?: boolean }): AgentFailure;
  export class AgentFailure extends Error {
    private constructor();
    readonly code: string;
    readonly retryable: boolean;
  }

  /** A host call that did not give its result. Not caught, it fails the attempt with the code `call.<code>`. */
  export class HostError extends Error {
    private constructor();
    readonly code: "denied" | "budget-exhausted" | "timeout" | "cancelled" | "invalid" | "unavailable" | "failed";
    /** Milliseconds after which another try may help; 0: unknown. */
    readonly retryAfterMs: number;
    /** Whether the same call may succeed later. */
    readonly retryable: boolean;
  }

  /** The agent's log. Lines become events of the run; `fields` is an object. Needs no grant. */
  export const log: Record<"trace" | "debug" | "info" | "warn" | "error", (message: unknown, fields?: object) => void>;

  /** The knowledge base, as of the run's watermark. Needs `kb_read`; `propose` needs `kb_write`. */
  export const kb: {
    /** A person's words, not a query language. `limit`: 1 to 100, 8 if nothing is said. */
    search(query: string, options?: { limit?: number; kind?: string; domain?: string }): Promise<Hit[]>;
    /** One entity by its key (`contact:…`, `document:…`) or citation; null where there is none. */
    get(key: string): Promise<Json>;
    /** Rows of a typed query: `{ kind: "contact", match: "jo", limit: 20 }`. */
    query(filter: object): Promise<Json[]>;
    /** Proposes a change: `{ kind: "note.added", payload: { … } }`. Gives the event's id. */
    propose(delta: object): Promise<number>;
  };
  export interface Hit {
    /** What a citation names. */
    readonly citation: string;
    readonly title: string;
    readonly text: string;
    readonly uri: string;
    readonly domain: string;
    /** Higher is better; comparable within one search only. */
    readonly score: number;
  }

  /** Language models, through the host's broker. Needs `model`. */
  export const model: {
    complete(prompt: string, options?: CompletionOptions): Promise<Completion>;
    chat(
      messages: readonly { role: "system" | "user" | "assistant"; content: string }[],
      options?: CompletionOptions & { tools?: readonly { name: string; description?: string; input_schema: object }[] },
    ): Promise<Completion & { readonly toolCalls: readonly Json[] }>;
    /** Vectors of texts, in their order. */
    embed(texts: readonly string[], model?: string): Promise<number[][]>;
    /** As `complete`, in chunks. */
    stream(prompt: string, options?: CompletionOptions): AsyncGenerator<string, void>;
  };
  export interface CompletionOptions {
    /** A name or pattern; nothing: the configured default. */
    model?: string;
    maxTokens?: number;
    /** 0 to 2; 0.7 if nothing is said. */
    temperature?: number;
    /** What the built-in template filler answers where no model is configured; real providers ignore it. */
    local?: { template: string; data: object };
  }
  export interface Completion {
    readonly text: string;
    /** The provider and model that answered. */
    readonly model: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
    /** The template filler answered: no language model wrote this. */
    readonly isLocal: boolean;
  }

  /** As the global `fetch`. Needs `net`. */
  export const http: { fetch: typeof fetch; bytes(text: string): Uint8Array };

  /** Host tools that the bundle's `tools.json` names. Needs `tools`. */
  export const tools: {
    list(): Promise<Json[]>;
    call(name: string, args?: object): Promise<Json>;
  };

  /** External actions: the agent proposes, the host decides and performs. Needs `actions` with the kind. */
  export const actions: {
    /** Returns when it is decided and done, which can take days. */
    propose(
      kind: string,
      args: object,
    ): Promise<{ readonly done: true; readonly detail: Json } | { readonly done: false; readonly reason: string }>;
  };

  /** The run's own clock: starts at the run's epoch and advances with the fuel that the agent uses. Needs `time`. */
  export const clock: {
    /** Milliseconds since 1970-01-01T00:00:00Z. */
    now(): number;
    /** Milliseconds since the attempt began, with a fraction. */
    elapsed(): number;
  };

  /** Seeded randomness: the same run, node and attempt draw the same numbers. Needs `random`. */
  export const random: {
    /** 0 ≤ x < 1. */
    unit(): number;
    /** A whole number, 0 ≤ x < below. */
    below(below: number): number;
    bytes(length: number): Uint8Array;
  };

  /** A small key-value store of this node within its run, kept from attempt to attempt. Values are JSON. Needs no grant. */
  export const state: {
    /** Undefined where the key is not set. */
    get(key: string): any;
    set(key: string, value: unknown): void;
    delete(key: string): void;
    /** Sorted. */
    keys(): string[];
  };
}

/** Lines of the agent's log. */
declare const console: Record<"log" | "info" | "warn" | "error" | "debug" | "trace", (...values: unknown[]) => void> & {
  assert(holds: unknown, ...values: unknown[]): void;
};

/** A header whose value the agent never has: the host puts it in, for the hosts that `secrets` in policy.caps names. */
interface SecretValue {
  readonly secret: string;
}
type HeadersInit = Headers | Iterable<readonly [string, string | SecretValue]> | Record<string, string | SecretValue>;
declare class Headers {
  constructor(from?: HeadersInit);
  append(name: string, value: string | SecretValue): void;
  set(name: string, value: string | SecretValue): void;
  delete(name: string): void;
  has(name: string): boolean;
  get(name: string): string | null;
  getSetCookie(): string[];
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  forEach(each: (value: string, name: string) => void): void;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: string | ArrayBuffer | ArrayBufferView | URLSearchParams | null;
  redirect?: "follow";
  /** Milliseconds, redirects included; 0: as long as the host allows. */
  timeoutMs?: number;
  /** The largest body to read; 0: as much as the host allows. */
  maxBytes?: number;
}
interface Body {
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  json(): Promise<any>;
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface Request extends Body {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}
declare const Request: new (input: string | URL | Request, init?: RequestInit) => Request;
interface Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly url: string;
}
declare const Response: {
  new (body?: string | ArrayBuffer | ArrayBufferView | null, init?: { status?: number; headers?: HeadersInit }): Response;
  json(value: unknown, init?: { status?: number; headers?: HeadersInit }): Response;
};
/** Needs `net`. A method that changes something is an external action: a person decides, and `denied` is their no. */
declare function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

declare class URLSearchParams {
  constructor(from?: string | Iterable<readonly [string, string]> | Record<string, string>);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  forEach(each: (value: string, name: string) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
declare class URL {
  constructor(input: string | URL, base?: string | URL);
  static canParse(input: string | URL, base?: string | URL): boolean;
  static parse(input: string | URL, base?: string | URL): URL | null;
  readonly href: string;
  readonly origin: string;
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  pathname: string;
  search: string;
  hash: string;
  readonly searchParams: URLSearchParams;
  toJSON(): string;
}
declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: "utf-8";
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
/** Timers fire when nothing else is left to run, in the order in which they would be due: no agent sleeps. */
declare function setTimeout<A extends unknown[]>(callback: (...args: A) => unknown, ms?: number, ...args: A): number;
declare function setInterval<A extends unknown[]>(callback: (...args: A) => unknown, ms?: number, ...args: A): number;
declare function clearTimeout(id?: number): void;
declare function clearInterval(id?: number): void;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T): T;
declare function atob(text: string): string;
declare function btoa(text: string): string;
/** Needs `time`. */
declare const performance: { now(): number; readonly timeOrigin: number };
/** Needs `random`. */
declare const crypto: {
  getRandomValues<T extends ArrayBufferView>(into: T): T;
  randomUUID(): string;
};
