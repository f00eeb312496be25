/** Runs a component with answers made up by a test: jco's plain mode, no sandbox. Only for tests of guests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import type { Json } from "#core/json.js";
import type { CallError } from "#core/values.js";

export interface GuestInput {
  readonly port: string;
  readonly type: string;
  readonly body: Json;
  readonly labels?: readonly string[];
}
export interface GuestCall {
  readonly node?: string;
  readonly attempt?: number;
  readonly with?: Json;
  /** `with` as text that need not be JSON. */
  readonly withText?: string;
  readonly inputs?: readonly GuestInput[];
}
export interface GuestOutput {
  readonly port: string;
  readonly type: string;
  readonly body: Json;
}
export type GuestOutcome =
  | { readonly outputs: readonly GuestOutput[] }
  | { readonly failure: { readonly code: string; readonly message: string; readonly retryable: boolean } };

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: string;
}

/** Answers by `interface.function`; each gives the value of the result, or throws a {@link Refusal}. */
export type Answers = Readonly<Record<string, (...args: any[]) => unknown>>;

/** A typed error as a host call's answer. */
export function refuse(code: CallError["code"], message: string, retryAfterMs = 0): never {
  throw code === "unavailable"
    ? { tag: code, val: { message, retryAfterMs: BigInt(retryAfterMs) } }
    : { tag: code, val: message };
}

export interface Guest {
  /** A fresh instance each time. A trap rejects. */
  run(call: GuestCall, answers?: Answers): Promise<GuestOutcome>;
  /** Lines of the last run. */
  readonly log: readonly LogLine[];
  /** `interface.function` of each call of the last run but `log.write`, in order, with its arguments. */
  readonly calls: readonly { readonly name: string; readonly args: readonly any[] }[];
  readonly imports: readonly string[];
  /** Size of the last instance's memory. */
  readonly memoryBytes: () => number;
}

const folder = mkdtempSync(join(tmpdir(), "rlp-guest-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let count = 0;

export async function load(component: Uint8Array): Promise<Guest> {
  const { files, imports } = await transpileBytes(component, {
    name: "agent",
    instantiation: "sync",
    nodejsCompat: false,
    base64Cutoff: 0,
    emitTypescriptDeclarations: false,
  });
  const file = join(folder, `agent-${count++}.mjs`);
  writeFileSync(file, files["agent.js"]!);
  const { instantiate } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { instantiate: (...args: any[]) => any };
  const { WebAssembly } = globalThis as any;
  const modules = new Map<string, unknown>();
  const moduleOf = (name: string): unknown => {
    if (!modules.has(name)) modules.set(name, new WebAssembly.Module(files[name]!));
    return modules.get(name);
  };

  let memory: { buffer: ArrayBuffer } | undefined;
  const instantiateCore = (module: unknown, imports: object): unknown => {
    const instance = new WebAssembly.Instance(module, imports);
    memory = instance.exports.memory ?? memory;
    return instance;
  };

  const log: LogLine[] = [];
  const calls: { name: string; args: readonly any[] }[] = [];
  const names = [...new Set(imports.map((name) => name.replace(/^runloop:agent\//, "").replace(/@.*$/, "")))];
  return {
    log,
    calls,
    imports: names,
    memoryBytes: () => memory?.buffer.byteLength ?? 0,
    async run(call, answers = {}) {
      log.length = 0;
      calls.length = 0;
      const host = Object.fromEntries(
        names.map((name) => [
          `runloop:agent/${name}`,
          new Proxy({}, { get: (_, property) => functionOf(name, String(property), answers, log, calls) }),
        ]),
      );
      const instance = instantiate(moduleOf, host, instantiateCore);
      try {
        const outputs = instance.run({
          node: call.node ?? "node",
          attempt: call.attempt ?? 1,
          with: call.withText ?? JSON.stringify(call.with ?? {}),
          inputs: (call.inputs ?? []).map(({ port, type, body, labels }) => ({
            port,
            type,
            body: JSON.stringify(body),
            labels: labels ?? [],
          })),
        }) as readonly { port: string; type: string; body: string }[];
        return { outputs: outputs.map(({ port, type, body }) => ({ port, type, body: JSON.parse(body) as Json })) };
      } catch (error) {
        // The glue throws the `err` of a result: as it is, or inside an error of its own. Anything else is a trap.
        const payload = error instanceof Error ? (error as { payload?: unknown }).payload : error;
        if (payload === undefined) throw error;
        return { failure: payload } as GuestOutcome;
      }
    },
  };
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function functionOf(
  from: string,
  property: string,
  answers: Answers,
  log: LogLine[],
  calls: { name: string; args: readonly any[] }[],
): unknown {
  const name = `${from}.${kebab(property)}`;
  if (name === "log.write") return (level: string, message: string, fields: string) => void log.push({ level, message, fields });
  return (...args: any[]) => {
    calls.push({ name, args });
    const answer = answers[name];
    if (!answer) throw new Error(`the test has no answer for ${name}`);
    return answer(...args);
  };
}

/** The value on a port; fails the test where the run failed or the port is empty. */
export function on(outcome: GuestOutcome, port: string): any {
  if ("failure" in outcome) throw new Error(`the agent failed: ${outcome.failure.code}: ${outcome.failure.message}`);
  const found = outcome.outputs.find((output) => output.port === port);
  if (!found) throw new Error(`nothing on port ${port}`);
  return found.body;
}
