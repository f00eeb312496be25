/**
 * A program that another compiler has made, as the component of a command bundle: a module for WASI preview 1 gets the standard
 * adapter around it, a component is taken as it is. Whether a component fits the world is for the host to say, at admission.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BuildError } from "./errors.js";
import { packageFile } from "./key.js";
import { forAdapter } from "./preview1/program.js";

/** Where a bundle's author, or their compiler, puts the program. */
export const PROGRAM = "module.wasm";

const PREVIEW_1 = "wasi_snapshot_preview1";
/** The first eight bytes: magic, version, layer. */
const COMPONENT = "0061736d0d000100";
const MODULE = "0061736d01000000";
const begins = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 8)).toString("hex");

export const isComponent = (bytes: Uint8Array): boolean => begins(bytes) === COMPONENT;

/**
 * Throws `BUILD_IMPORT` or `BUILD_BUNDLE` for what cannot become a command; `file` is where it stands. Arguments are for a program for
 * preview 1, which finds them as its own, its name first.
 */
export async function commandOf(program: Uint8Array, file: string, given: readonly string[] = []): Promise<Uint8Array> {
  if (isComponent(program)) return withoutArguments(program, given, file);
  if (begins(program) !== MODULE)
    throw new BuildError("BUILD_BUNDLE", "it is neither a WebAssembly module nor a component", {
      place: { file },
      hint: `put what your compiler makes for \`wasm32-wasi\`, \`wasm32-wasip1\` or \`wasm32-wasip2\` there`,
    });
  const imports = check(program, file);
  const module =
    imports === null
      ? withoutArguments(program, given, file)
      : forAdapter({ module: program, imports, place: { file }, arguments: given });
  const { componentNew } = await import("@bytecodealliance/jco-transpile/wasm-tools");
  try {
    return await componentNew(module, [[PREVIEW_1, adapter()]]);
  } catch (cause) {
    // The tools give several lines, the first of which says nothing.
    const lines = String(cause instanceof Error ? cause.message : cause)
      .split("\n")
      .map((line) => line.trim().replace(/^\d+: /, ""))
      .filter((line) => line !== "");
    throw new BuildError("BUILD_BUNDLE", `no component can be made of it: ${lines.at(-1) ?? "no reason given"}`, {
      place: { file },
      cause,
    });
  }
}

function withoutArguments(program: Uint8Array, given: readonly string[], file: string): Uint8Array {
  if (given.length === 0) return program;
  throw new BuildError("BUILD_BUNDLE", "the manifest names arguments, which only a program for WASI preview 1 can be given", {
    place: { file },
    hint: "build it for `wasm32-wasip1`, or take `[build] arguments` out of the manifest",
  });
}

/** The functions of preview 1 that it imports; null where it is made for WASI 0.2 and says so itself. */
function check(module: Uint8Array, file: string): readonly string[] | null {
  let compiled: object;
  try {
    compiled = new WebAssembly.Module(module);
  } catch (cause) {
    throw new BuildError("BUILD_BUNDLE", `it is not a valid module: ${cause instanceof Error ? cause.message : String(cause)}`, {
      place: { file },
      cause,
    });
  }
  const imported = WebAssembly.Module.imports(compiled);
  // A module with the interfaces of WASI 0.2 in it, as `wit-bindgen` leaves it: it says itself what it is, and needs no adapter.
  if (imported.some(({ module: from }) => from.startsWith("wasi:"))) return null;
  const stranger = imported.find(({ module: from, kind }) => from !== PREVIEW_1 || kind !== "function");
  if (stranger)
    throw new BuildError(
      "BUILD_IMPORT",
      `the program imports \`${stranger.name}\` from \`${stranger.module}\`, which no command is given`,
      {
        place: { file },
        hint:
          stranger.module === "wasi_unstable"
            ? "it was built for an early WASI: a newer compiler builds for preview 1 or 0.2"
            : "build for `wasm32-wasip1` or `wasm32-wasip2`, without anything of a browser's or another host's",
      },
    );
  const exported = WebAssembly.Module.exports(compiled);
  const missing = ["_start", "memory"].find((name) => !exported.some((entry) => entry.name === name));
  if (missing !== undefined)
    throw new BuildError("BUILD_BUNDLE", `the program exports no \`${missing}\``, {
      place: { file },
      hint:
        missing === "_start" ? "a command has a `main`; this looks like a library" : "the compiler's linker exports it by itself",
    });
  return imported.map(({ name }) => name);
}

/** The one file that is used of its package (decision 008). */
const adapter = (): Uint8Array =>
  readFileSync(join(dirname(packageFile("@bytecodealliance/jco")), "lib", `${PREVIEW_1}.command.wasm`));

/** The engine's own reader of modules, which the type library for Node does not declare. */
interface ModuleReader {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
    exports(module: object): readonly { readonly name: string }[];
  };
}
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: ModuleReader };
