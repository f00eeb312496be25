/** A bundle as its author builds it, wherever it stands: the component is made anew and every digest written. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { buildAgent, worldOf, type BuiltAgent } from "./agent.js";
import { commandOf, isComponent, PROGRAM } from "./command.js";
import { BuildError } from "./errors.js";
import { readText } from "./layout.js";
import { argumentsNamed, namedFiles, stampBundle } from "./stamp.js";

export interface AuthoredBundle {
  readonly folder: string;
  /** Of the component. */
  readonly digest: Digest;
  readonly bytes: number;
  /** Whether the component or a digest in the manifest is another than before. */
  readonly changed: boolean;
}

const COMPONENT = "agent.wasm";

/**
 * Builds `src/`, or for a command the program that another compiler has made, into `agent.wasm` and writes all digests into `manifest.toml`. Nothing is taken from a cache, and nothing is
 * written outside the folder. Errors: {@link BuildError}; where the source does not compile, the bundle stays as it was.
 */
export async function buildAuthored(folder: string): Promise<AuthoredBundle> {
  const manifest = join(folder, "manifest.toml");
  if (!existsSync(manifest))
    throw new BuildError("BUILD_BUNDLE", "the bundle has no manifest", {
      place: { file: manifest },
      hint: "`rlp agent scaffold <name>` makes a bundle to begin with",
    });
  const entry = namedFiles(readText(manifest), manifest).find(({ table }) => table === "agent");
  if (entry?.path !== COMPONENT)
    throw new BuildError("BUILD_BUNDLE", `the manifest's entry is not \`${COMPONENT}\``, {
      place: { file: manifest, at: "[agent] entry" },
      hint: `entry = { path = "${COMPONENT}", blake3 = "" }`,
    });
  const { component, digest } = await built(folder);
  const file = join(folder, COMPONENT);
  const held = statSync(file, { throwIfNoEntry: false })?.isFile() ? blake3(readFileSync(file)) : null;
  if (held !== digest) {
    // Renamed into place: a run that starts meanwhile reads the old component or the new one.
    const draft = `${file}.${process.pid}`;
    try {
      writeFileSync(draft, component);
      renameSync(draft, file);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const stamped = stampBundle(folder);
  return { folder, digest, bytes: component.length, changed: held !== digest || stamped.length > 0 };
}

async function built(folder: string): Promise<BuiltAgent> {
  const program = programOf(folder);
  const manifest = join(folder, "manifest.toml");
  const given = argumentsNamed(readText(manifest), folder, manifest);
  if (program === null) {
    if (given.length === 0) return buildAgent({ folder });
    throw new BuildError("BUILD_BUNDLE", "the manifest names arguments, which only a command's `module.wasm` can be given", {
      place: { file: manifest, at: "[build] arguments" },
      hint: "write them into the source",
    });
  }
  const component = await commandOf(readFileSync(program), program, given);
  return { component, digest: blake3(component) };
}

/** A command's `module.wasm`. Where there is neither that nor a source, its `agent.wasm`, which must be a component then. */
function programOf(folder: string): string | null {
  if (worldOf(folder) !== "command") return null;
  const program = join(folder, PROGRAM);
  if (existsSync(program)) return program;
  if ([join("src", "agent.ts"), "Cargo.toml"].some((name) => existsSync(join(folder, name)))) return null;
  const component = join(folder, COMPONENT);
  if (existsSync(component) && isComponent(readFileSync(component))) return component;
  throw new BuildError("BUILD_BUNDLE", `there is no \`${PROGRAM}\` to make a command of`, {
    place: { file: program },
    hint: "put what your compiler makes for WASI preview 1 or 0.2 there",
  });
}
