/**
 * The QuickJS runtime that componentize-qjs carries, with what would make two builds of one source differ taken out: while the snapshot
 * is made it asks WASI for a seed (of hash tables) and for the time (a seed of `Math.random`), and keeps them in memory. Each such call
 * becomes as many bytes that do nothing. At run time nobody would answer it either.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { BuildError } from "../errors.js";
import { Cursor, unexpected } from "./bytes.js";
import { skipInstruction } from "./instructions.js";
import { Kind, readImports, sectionsOf } from "./module.js";

/** `\0asm`, version 1, and the section that makes it a library to link: its name has eight characters. */
const LIBRARY = Buffer.from("0061736d0100000000", "hex");
const MAGIC = LIBRARY.subarray(0, 4);
const NOP = 0x01;

/** What to put in the place of a call of these: they write nothing where they should, or give 0. */
const SILENCED: Readonly<Record<string, readonly number[]>> = {
  "wasi:random/insecure-seed insecure-seed": [0x1a], // drop
  "wasi:clocks/wall-clock now": [0x1a],
  "wasi:clocks/monotonic-clock now": [0x42, 0x00], // i64.const 0
};

/** The binding's file for this platform. */
export function bindingFile(): string {
  const require = createRequire(import.meta.url);
  try {
    const installed = createRequire(require.resolve("componentize-qjs"));
    for (const folder of installed.resolve.paths("@andreiltd/x") ?? []) {
      const scope = join(folder, "@andreiltd");
      for (const name of listed(scope).filter((each) => each.startsWith("componentize-qjs-binding-")))
        for (const file of listed(join(scope, name))) if (file.endsWith(".node")) return join(scope, name, file);
    }
  } catch (cause) {
    throw missing(cause);
  }
  throw missing();
}

const listed = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

const missing = (cause?: unknown): BuildError =>
  new BuildError("BUILD_TOOL", "componentize-qjs, which makes components of JavaScript, is not installed for this platform", {
    hint: "npm ci; it has bindings for Linux, macOS and Windows on x64 and arm64",
    cause,
  });

/**
 * Of the runtime that the bindings for Linux carry, before it is quiet. Those for macOS carry another build of the same source, which makes other
 * components.
 */
const KNOWN: Digest = "74b7366826bd4d08ac5d787673b139fe95041f42026debd54656616f451ae9f0" as Digest;

let original: Buffer | undefined;
let quiet: Buffer | undefined;

/** Whether components built here are, byte for byte, those whose digests the project's manifests name. */
export const isKnownRuntime = (): boolean => blake3(runtime()) === KNOWN;

const runtime = (): Buffer => (original ??= largest(readFileSync(bindingFile())));

/** The runtime with asynchronous exports, the fast one of two, 1.5 MB: in the small one `Array.from` fails after an `await`. */
export function quietRuntime(): Buffer {
  quiet ??= silenced(runtime());
  return quiet;
}

/** The runtime stands in the binding as it is. There are four: with and without asynchronous exports, each fast and small. */
function largest(binding: Buffer): Buffer {
  let found: Buffer | undefined;
  for (let at = binding.indexOf(LIBRARY); at >= 0; at = binding.indexOf(LIBRARY, at + 1)) {
    const module = moduleAt(binding, at);
    const asynchronous = module && readImports(module).some(({ module: from }) => from === "$root");
    if (module && asynchronous && module.length > (found?.length ?? 0)) found = module;
  }
  if (!found) throw unexpected("no runtime");
  return found;
}

/** A module begins here if sections follow one another, in order; it ends where they do. */
function moduleAt(binding: Buffer, start: number): Buffer | undefined {
  const cursor = new Cursor(binding, start + 8);
  const seen = new Set<number>();
  let end = start + 8;
  // The next one begins as a custom section would.
  while (!MAGIC.equals(binding.subarray(end, end + 4))) {
    const id = cursor.done ? 255 : cursor.byte();
    if (id > 12 || (id !== 0 && seen.has(id))) break;
    const length = cursor.u32();
    if (length > cursor.end - cursor.at) break;
    if (id === 0 && new Cursor(binding, cursor.at).byte() === 0) break;
    seen.add(id);
    cursor.take(length);
    end = cursor.at;
  }
  return seen.has(2) && seen.has(10) ? binding.subarray(start, end) : undefined;
}

function silenced(runtime: Buffer): Buffer {
  const copy = Buffer.from(runtime);
  const functions = readImports(copy).filter(({ kind }) => kind === Kind.func);
  const stands = functions.map(({ module, name }) => SILENCED[`${module.replace(/@.*$/, "")} ${name}`]);
  const code = sectionsOf(copy).get(10);
  if (!code) throw unexpected("no code");
  const bodies = new Cursor(code);
  let calls = 0;
  for (let left = bodies.u32(); left > 0; left--) {
    const body = new Cursor(bodies.take(bodies.u32()));
    for (let groups = body.u32(); groups > 0; groups--) {
      body.skipNumber();
      body.take(1);
    }
    while (!body.done) {
      const start = body.at;
      if (skipInstruction(body) !== 0x10) continue;
      const instead = stands[new Cursor(body.bytes, start + 1).u32()];
      if (!instead) continue;
      // A view of `copy`: written in place.
      body.bytes.fill(NOP, start, body.at);
      body.bytes.set(instead, start);
      calls++;
    }
  }
  if (calls === 0) throw unexpected("a runtime that asks for no seed");
  return copy;
}
