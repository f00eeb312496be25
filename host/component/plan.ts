/**
 * How a component's modules are put together, as data: which to instantiate in which order, what each import is, and where `run`
 * lies. It is made by the toolchain process and carried out in sandbox processes; no code is generated anywhere.
 */
import type { World } from "./interfaces.js";

export type Encoding = "utf8" | "utf16" | "latin1+utf16";

/** An export of a module's instance. `instance` counts the plan's `instances`. */
export interface CoreRef {
  readonly instance: number;
  readonly name: string;
}
export type ImportSource =
  | { readonly kind: "export"; readonly ref: CoreRef }
  /** A host function; the index into the plan's `host`. `toll`: fuel for the way to it, which the plan goes round (inspect/direct.ts). */
  | { readonly kind: "host"; readonly index: number; readonly toll: number }
  /** A function that was of use at build time only: whoever calls it traps. */
  | { readonly kind: "absent"; readonly name: string }
  /** Drops a handle of a resource of the host, which is named with its home: `wasi:io/streams/output-stream`. */
  | { readonly kind: "drop"; readonly resource: string };

export interface HostImport {
  /** Key of the interface (interfaces.ts): `kb`, `wasi:io/streams`. */
  readonly interface: string;
  readonly function: string;
  readonly memory: CoreRef | null;
  readonly realloc: CoreRef | null;
  readonly encoding: Encoding;
}

export interface LinkPlan {
  readonly instances: readonly {
    /** Names one of the component's modules. */
    readonly module: string;
    readonly imports: readonly { readonly module: string; readonly name: string; readonly source: ImportSource }[];
  }[];
  readonly host: readonly HostImport[];
  /** The one linear memory, where it can be seen from outside of its module. */
  readonly memory: CoreRef | null;
  readonly run: {
    readonly world: World;
    readonly core: CoreRef;
    readonly memory: CoreRef | null;
    readonly realloc: CoreRef | null;
    readonly postReturn: CoreRef | null;
    readonly encoding: Encoding;
  };
}
