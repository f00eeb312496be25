/** The contract's interfaces as QuickJS sees them: names in camel case, results given or thrown. `sdk/wit` says what each does. */
declare module "runloop:agent/log@0.1.0" {
  const log: { write(level: string, message: string, fields: string): void };
  export default log;
}
declare module "runloop:agent/kb@0.1.0" {
  const kb: {
    search(
      query: string,
      options: { limit: number; kind: string; domain: string },
    ): {
      citation: string;
      title: string;
      text: string;
      uri: string;
      domain: string;
      score: number;
    }[];
    get(key: string): string | null;
    query(filter: string): string;
    propose(delta: string): number;
  };
  export default kb;
}
declare module "runloop:agent/model@0.1.0" {
  type Options = { model: string; maxTokens: number; temperature: number; local: string };
  const model: {
    complete(prompt: string, options: Options): { text: string; model: string; inputTokens: number; outputTokens: number };
    chat(messages: string, tools: string, options: Options): string;
    embed(texts: string[], model: string): number[][];
    stream(prompt: string, options: Options): { next(): string | null };
  };
  export default model;
}
declare module "runloop:agent/http@0.1.0" {
  const http: {
    fetch(request: {
      method: string;
      url: string;
      headers: { name: string; value: { tag: "text" | "secret"; val: string } }[];
      body: Uint8Array;
      timeoutMs: number;
      maxBytes: number;
    }): { status: number; headers: [string, string][]; body: Uint8Array };
  };
  export default http;
}
declare module "runloop:agent/tools@0.1.0" {
  const tools: { list(): string; call(name: string, arguments_: string): string };
  export default tools;
}
declare module "runloop:agent/actions@0.1.0" {
  const actions: { propose(kind: string, arguments_: string): { tag: "done" | "rejected"; val: string } };
  export default actions;
}
declare module "runloop:agent/clock@0.1.0" {
  const clock: { nowMs(): number; monotonicNs(): number };
  export default clock;
}
declare module "runloop:agent/random@0.1.0" {
  const random: { bytes(length: number): Uint8Array };
  export default random;
}
declare module "runloop:agent/state@0.1.0" {
  const state: {
    get(key: string): string | null;
    set(key: string, value: string): void;
    delete(key: string): void;
    keys(): string[];
  };
  export default state;
}
