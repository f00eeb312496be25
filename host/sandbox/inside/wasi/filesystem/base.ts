/** The granted directories as they are on disk: asked of the control process, which knows only resolved paths and follows no link. */
import type { Json } from "../../../abi/json.js";
import { PIECE_BYTES } from "../../../../fs/limits.js";
import { codeOf, FsError, type ErrorCode } from "./code.js";

/** Asks a function of the interface `fs`: `{ok}`, or `{err}` with a typed error. Rejects only when the attempt ends. */
export type Ask = (name: string, args: readonly Json[]) => Promise<Json>;

export type OtherKind = "fifo" | "socket" | "block-device" | "character-device";
export type Kind = "directory" | "regular-file" | "symbolic-link" | OtherKind;
export type Step =
  | { readonly kind: "directory" }
  | { readonly kind: "regular-file"; readonly size: number; readonly version: string; readonly modified_ms?: number }
  | { readonly kind: "symbolic-link"; readonly target: string }
  | { readonly kind: OtherKind }
  | { readonly error: ErrorCode };

/** One granted directory. Paths are below it, names joined by `/`; empty for itself. Every function throws `FsError`. */
export class Base {
  private readonly ask: Ask;
  readonly directory: string;

  constructor(ask: Ask, directory: string) {
    this.ask = ask;
    this.directory = directory;
  }

  /** What stands at each name of the path, up to the first that is no directory. */
  async steps(path: string): Promise<readonly Step[]> {
    const { steps } = await this.answer<{ steps: readonly Step[] }>("stat", [path]);
    return steps.map((step) => ("error" in step ? { error: codeOf(step.error) } : step));
  }

  /** All names, sorted by their bytes. `room`: how many there may be. */
  async list(path: string, room: number): Promise<readonly (readonly [name: string, kind: Kind])[]> {
    const all: (readonly [string, Kind])[] = [];
    for (let after = ""; ;) {
      const page = await this.answer<{ entries: readonly (readonly [string, Kind])[]; more: boolean }>("list", [path, after]);
      all.push(...page.entries);
      if (all.length > room) throw new FsError("insufficient-memory");
      if (!page.more || page.entries.length === 0) return all;
      after = page.entries.at(-1)![0];
    }
  }

  /** The bytes from `offset` on, all `length` of them: the version says that they are there. */
  async read(path: string, version: string, offset: number, length: number): Promise<Uint8Array> {
    const { bytes } = await this.answer<{ bytes: string }>("read", [path, version, offset, Math.min(length, PIECE_BYTES)]);
    const read = new Uint8Array(Buffer.from(bytes, "base64"));
    if (read.length !== length) throw new FsError("io");
    return read;
  }

  private async answer<T>(name: string, args: readonly Json[]): Promise<T> {
    const answer = (await this.ask(name, [this.directory, ...args])) as {
      readonly ok?: T & { readonly error?: string };
      readonly err?: { readonly tag: string };
    };
    if (answer.err) throw new FsError(answer.err.tag === "denied" ? "access" : "io");
    if (answer.ok!.error !== undefined) throw new FsError(codeOf(answer.ok!.error));
    return answer.ok!;
  }
}
