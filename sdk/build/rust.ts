/** An agent in Rust: a program of the world `command`, built by the author's own cargo. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./errors.js";

/** The compiler makes a component for the first, and a preview-1 module for the second, which gets the standard adapter. */
const TARGETS = ["wasm32-wasip2", "wasm32-wasip1"] as const;

export interface Program {
  readonly program: Uint8Array;
  readonly file: string;
}

/** Builds the folder's one program in release mode. Throws `BUILD_TOOL` where cargo or a target is missing, `BUILD_COMPILE`. */
export function buildRust(folder: string): Program {
  if (run("cargo", folder, ["--version"]).missing)
    throw new BuildError("BUILD_TOOL", "cargo, which builds agents in Rust, is not on the PATH", {
      place: { file: folder },
      hint: `install Rust from https://rustup.rs, then: rustup target add ${TARGETS[0]}`,
    });
  const target = TARGETS.find((name) => hasTarget(folder, name));
  if (target === undefined)
    throw new BuildError("BUILD_TOOL", `this Rust has no standard library for ${TARGETS.join(" or ")}`, {
      place: { file: folder },
      hint: `rustup target add ${TARGETS[0]} (Rust 1.82 or later); where Rust came without rustup, its package for WebAssembly targets`,
    });
  const built = run("cargo", folder, ["build", "--release", "--target", target, "--target-dir", "target"]);
  if (built.status !== 0) throw new BuildError("BUILD_COMPILE", built.errors.trim(), { place: placeIn(folder, built.errors) });
  const out = join(folder, "target", target, "release");
  const made = existsSync(out) ? readdirSync(out).filter((name) => name.endsWith(".wasm")) : [];
  const [program] = made;
  if (program === undefined || made.length > 1)
    throw new BuildError("BUILD_BUNDLE", `cargo made ${program ? `several programs: ${made.join(", ")}` : "no program"}`, {
      place: { file: out },
      hint: "an agent's crate has one binary, src/main.rs; after a rename: cargo clean",
    });
  const file = join(out, program);
  return { program: new Uint8Array(readFileSync(file)), file };
}

/** Whether the compiler, of the version that the folder asks for, has the target's standard library. */
function hasTarget(folder: string, target: string): boolean {
  const { status, text } = run("rustc", folder, ["--print", "target-libdir", "--target", target]);
  return status === 0 && existsSync(text.trim()) && readdirSync(text.trim()).some((name) => name.startsWith("libstd-"));
}

function run(program: string, folder: string, words: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 });
  const missing = (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  return { status, text: stdout ?? "", errors: stderr ?? "", missing };
}

/** `  --> src/main.rs:3:5` */
function placeIn(folder: string, text: string): { file: string; line?: number; column?: number } {
  const [, file, line, column] = /^\s*--> (.+?):(\d+):(\d+)$/m.exec(text) ?? [];
  return file === undefined ? { file: folder } : { file: join(folder, file), line: Number(line), column: Number(column) };
}
