/** Core module → component. */
import type { Place } from "#core/errors.js";
import { positionIn } from "./compile.js";
import { BuildError } from "./errors.js";
import type { Files } from "./layout.js";
import { witSource } from "./wit.js";

/** In which form the module's strings are. */
export type Encoding = "utf8" | "utf16";

/** Wraps a core module that follows the canonical ABI of the world `agent`; imports that it does not use are left out. */
export async function componentOf(module: Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  // Loaded here, not above: 13 MB of tools that are needed only when something is really built.
  const { componentEmbed, componentNew } = await import("@bytecodealliance/jco-transpile/wasm-tools");
  const embedded = await componentEmbed({ binary: module, witSource: witSource(), stringEncoding: encoding, world: "agent" });
  return componentNew(embedded, []);
}

/** What the language's own library reaches for, and what an agent uses in its place. */
const outside: readonly { readonly name: RegExp; readonly source: RegExp; readonly says: string }[] = [
  {
    name: /^seed$/,
    source: /\bMath\s*\.\s*random\b/,
    says: '`Math.random` has no seed that replays: use `random.unit()` from "runloop"',
  },
  {
    name: /^Date\./,
    source: /\bDate\s*\.\s*now\b/,
    says: '`Date.now` is the machine\'s clock: use `clock.nowMs()` from "runloop"',
  },
  {
    name: /^performance\./,
    source: /\bperformance\s*\.\s*now\b/,
    says: '`performance.now` is the machine\'s clock: use `clock.monotonicNs()` from "runloop"',
  },
  {
    name: /^(console\.|trace$)/,
    source: /\b(console\s*\.\s*\w+|trace\s*\()/,
    says: 'an agent has no console: use `log.info()` from "runloop"',
  },
  {
    name: /^crypto\./,
    source: /\bcrypto\s*\.\s*getRandomValues\b/,
    says: 'randomness must replay: use `random.bytes()` from "runloop"',
  },
];

/** Refuses a module that imports anything but the contract's interfaces (`BUILD_IMPORT`), naming what to use and where it stands. */
export function checkImports(module: Uint8Array, sources: Files): void {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(module));
  for (const { module: from, name } of imports) {
    if (from.startsWith("runloop:agent/")) continue;
    const known = outside.find((entry) => entry.name.test(name));
    if (!known)
      throw new BuildError("BUILD_IMPORT", `the source needs \`${name}\` from \`${from}\`, which no agent is given`, {
        hint: 'declare only functions of the contract\'s interfaces, or import them from "runloop"',
      });
    throw new BuildError("BUILD_IMPORT", known.says, { place: placeOf(known.source, sources) });
  }
}

function placeOf(pattern: RegExp, sources: Files): Place {
  for (const [file, text] of sources) {
    const at = text.search(pattern);
    if (at >= 0) return positionIn(text, file, at);
  }
  return {};
}

/** The engine's own reader of modules, which the type library for Node does not declare. */
interface ModuleReader {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): readonly { readonly module: string; readonly name: string }[];
  };
}
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: ModuleReader };
