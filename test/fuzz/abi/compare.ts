/**
 * Our canonical ABI against jco's, over generated types and values. A component that echoes its arguments is transpiled by jco; a
 * hook between its glue and its core module lets ours take part in every crossing, so that each side reads what the other wrote:
 *
 * 1. jco lowers the argument, ours lifts it;   2. ours lowers it anew, jco lifts it for the import;
 * 3. jco lowers the import's result, ours lifts it;   4. ours lowers it anew, jco lifts it for the caller.
 *
 * Where a value points nowhere, both must also have written the same bits.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import type { WasmMemory } from "#host/component/meter/engine.js";
import { flatten, layout, MAX_FLAT_PARAMS } from "#host/component/flat.js";
import type { Encoding } from "#host/component/plan.js";
import type { WitFunction, WitType } from "#host/component/type.js";
import { nativeForm } from "#host/sandbox/abi/form.js";
import { Handles } from "#host/sandbox/abi/handles.js";
import { LiftBudget, Lifting } from "#host/sandbox/abi/lift.js";
import { Lowering } from "#host/sandbox/abi/lower.js";
import { GuestMemory } from "#host/sandbox/abi/memory.js";
import { signatures } from "#host/sandbox/abi/signature.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";
import type { Choices } from "../choices.js";
import { echoModule } from "./echo.js";
import { carried, fromJco, shown, toJco } from "./jco.js";
import { anyType, valueOf, WitText } from "./types.js";

const wasm = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Module: { new (bytes: Uint8Array): object; exports(module: object): { name: string }[] };
      readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
    };
  }
).WebAssembly;

/** jco has no glue for `latin1+utf16`. */
type Both = Exclude<Encoding, "latin1+utf16">;
type Call = (...args: unknown[]) => unknown;
const LIMIT = 1 << 26;
const { guest, host } = signatures(nativeForm);

export interface Compared {
  readonly functions: number;
  readonly values: number;
}

/** Throws an `Error` that says which crossing differs, for which type and value. */
export async function compareAbi(choices: Choices, functions = 12, values = 8): Promise<Compared> {
  const encoding: Both = choices.pick(["utf8", "utf16"] as const);
  const types = Array.from({ length: functions }, () => wrapped(carriedType(choices)));
  const echoes = types.map((type): WitFunction => {
    // Now and then many parameters, so that they do not fit into core values.
    const params = Array.from({ length: choices.once(5) ? 2 + choices.below(5) : 1 }, (_, index) => [`p${index}`, type] as const);
    return { params, result: params.length === 1 ? type : { kind: "tuple", items: params.map(([, param]) => param) } };
  });
  const given = echoes.map(({ params }) =>
    Array.from({ length: values }, () => params.map(([, type]) => valueOf(type, choices))),
  );
  const component = await embed(echoes, encoding);
  const dir = mkdtempSync(join(tmpdir(), "rlp-abi-"));
  try {
    const { files } = await transpileBytes(component, {
      name: "echo",
      instantiation: "sync",
      nodejsCompat: false,
      base64Cutoff: 0,
    });
    for (const [name, content] of entriesOf(files)) if (!name.includes("/")) writeFileSync(join(dir, name), content);
    writeFileSync(join(dir, "package.json"), '{"type":"module"}');
    const glue = (await import(pathToFileURL(join(dir, "echo.js")).href)) as {
      instantiate(core: (name: string) => object, imports: object, instance: Call): Record<string, Call>;
    };
    const content = new Map(entriesOf(files));
    const state = new Crossing(encoding);
    const imports = Object.fromEntries(
      echoes.map((echo, index) => [`g${index}`, { default: (...args: unknown[]) => state.imported(echo, args) }]),
    );
    const exports = glue.instantiate(
      (name) => new wasm.Module(content.get(name) as Uint8Array),
      imports,
      (module, linked) => state.instantiate(echoes, module as object, linked as object),
    );
    for (const [index, echo] of echoes.entries())
      for (const value of given[index] as Native[][]) state.cross(echo, exports[`f${index}`] as Call, value);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { functions, values: functions * values };
}

/** As the only result of a function a `result` is thrown by jco's glue: it goes into a tuple. */
function wrapped(type: WitType): WitType {
  return type.kind === "result" ? { kind: "tuple", items: [type] } : type;
}

function carriedType(choices: Choices): WitType {
  for (;;) {
    const type = anyType(choices, 4);
    if (carried(type)) return type;
  }
}

async function embed(echoes: readonly WitFunction[], encoding: Both): Promise<Uint8Array> {
  const lines = echoes.map(({ params, result }, index) => {
    const text = new WitText(`x${index}`);
    const [, first] = params[0] as readonly [string, WitType];
    const type = text.of(first);
    const given = params.map(([name]) => `${name}: ${type}`).join(", ");
    const back = result === first ? type : `tuple<${params.map(() => type).join(", ")}>`;
    return `${text.declarations}\nimport g${index}: func(${given}) -> ${back};\nexport f${index}: func(${given}) -> ${back};`;
  });
  const witSource = `package test:echo;\nworld echo {\n${lines.join("\n")}\n}`;
  const binary = echoModule(echoes);
  return componentNew(await componentEmbed({ binary, witSource, stringEncoding: encoding, world: "echo" }), []);
}

function entriesOf(files: unknown): [string, Uint8Array][] {
  const entries = Array.isArray(files) ? (files as [string, Uint8Array][]) : Object.entries(files as Record<string, Uint8Array>);
  return entries.map(([name, content]) => [name, content]);
}

/** One value on its way through. */
class Crossing {
  readonly #encoding: Encoding;
  readonly #handles = new Handles(() => {});
  #value: readonly Native[] = [];
  #memory: GuestMemory | null = null;
  #realloc: Call = () => 0;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  /** The core module of the component with ours between it and jco's glue; its helper modules as they are. */
  instantiate(echoes: readonly WitFunction[], module: object, linked: object): { exports: Record<string, unknown> } {
    const instance = new wasm.Instance(module, linked);
    if (!("cabi_realloc" in instance.exports)) return instance;
    const exports: Record<string, unknown> = { ...instance.exports };
    this.#memory = new GuestMemory(instance.exports["memory"] as WasmMemory, this.#encoding);
    this.#realloc = instance.exports["cabi_realloc"] as Call;
    for (const [index, echo] of echoes.entries()) {
      const core = exports[`f${index}`] as Call;
      exports[`f${index}`] = (...flat: unknown[]) => this.#cross(echo, core, flat);
    }
    return { exports };
  }

  cross(echo: WitFunction, call: Call, value: readonly Native[]): void {
    this.#value = value;
    const given = echo.params.map(([, type], index) => toJco(type, value[index] as Native));
    const back = call(...given);
    this.#same("4. ours lowers the result, jco lifts it", echo, [fromJco(echo.result as WitType, back)], this.#result(echo));
  }

  /** jco lifted what ours lowered. */
  imported(echo: WitFunction, args: readonly unknown[]): unknown {
    const lifted = echo.params.map(([, type], index) => fromJco(type, args[index]));
    this.#same("2. ours lowers an argument, jco lifts it", echo, lifted, this.#value);
    return toJco(echo.result as WitType, this.#result(echo)[0] as Native);
  }

  #cross(echo: WitFunction, core: Call, flat: readonly unknown[]): unknown {
    const type = echo.result as WitType;
    const ours = guest(echo);
    const theirs = host(echo);
    this.#same("1. jco lowers an argument, ours lifts it", echo, theirs.params(this.#lifting(), flat), this.#value);
    const anew = ours.params(this.#lowering(), this.#value);
    if (!pointing(echo)) this.#sameBits(echo, flat, anew);
    const result = core(...anew);
    this.#same(
      "3. jco lowers the result, ours lifts it",
      echo,
      [ours.result(this.#lifting(), result) as Native],
      this.#result(echo),
    );
    const { size, align } = layout(type);
    const at = theirs.resultInMemory ? (this.#realloc(0, 0, align, size) as number) : 0;
    const direct = theirs.result(this.#lowering(), this.#result(echo)[0] as Native, at);
    return theirs.resultInMemory ? at : direct;
  }

  #result({ params }: WitFunction): readonly Native[] {
    return params.length === 1 ? this.#value : [this.#value as Native];
  }

  #lifting(): Lifting {
    return new Lifting(this.#memory, new LiftBudget(LIMIT), this.#handles);
  }

  #lowering(): Lowering {
    return new Lowering(this.#memory, (align, size) => this.#realloc(0, 0, align, size) as number, this.#handles);
  }

  #same(crossing: string, echo: WitFunction, seen: readonly Native[], expected: readonly Native[]): void {
    const [one, other] = [shown(seen as Native), shown(expected as Native)];
    if (one !== other)
      throw new Error(`${crossing}\n  expected ${other}\n  seen     ${one}\n  of ${JSON.stringify(echo).slice(0, 2_000)}`);
  }

  /** Core values, as far as they are not the address of all of them. An i32 is the same with and without its sign. */
  #sameBits(echo: WitFunction, flat: readonly unknown[], anew: readonly unknown[]): void {
    const types = echo.params.flatMap(([, type]) => flatten(type));
    if (types.length > MAX_FLAT_PARAMS) return;
    const bits = (values: readonly unknown[]): string =>
      values
        .map((value, index) =>
          types[index] === "i32"
            ? Number(value) >>> 0
            : typeof value === "number"
              ? shown(value)
              : BigInt.asUintN(64, value as bigint),
        )
        .join();
    if (bits(flat) !== bits(anew))
      throw new Error(
        `jco and ours lower to other core values\n  jco  ${bits(flat)}\n  ours ${bits(anew)}\n  of ${JSON.stringify(echo).slice(0, 2_000)}`,
      );
  }
}

/** Whether core values say where something lies. */
function pointing({ params }: WitFunction): boolean {
  const points = (type: WitType): boolean => {
    switch (type.kind) {
      case "string":
      case "list":
        return true;
      case "option":
        return points(type.of);
      case "record":
        return type.fields.some(([, field]) => points(field));
      case "tuple":
        return type.items.some(points);
      case "variant":
        return type.cases.some(([, payload]) => payload !== null && points(payload));
      case "result":
        return [type.ok, type.err].some((payload) => payload !== null && points(payload));
      default:
        return false;
    }
  };
  return params.some(([, type]) => points(type));
}
