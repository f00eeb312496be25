/**
 * The narrow interface between the control process and what knows WebAssembly. Nothing on this side ever parses, compiles or
 * evaluates a component: that happens in sandbox processes, behind these types.
 */
import type { Digest } from "#core/digest.js";
import type { Json, JsonObject } from "#core/json.js";
import type { CallError, Failure, Labels } from "#core/values.js";

/** A component that passed admission: what to load into a sandbox process. */
export interface Admitted {
  /** BLAKE3 of the component as it came. */
  readonly digest: Digest;
  /** Digest of all that the modules were made from: component, toolchain, cap of memory. What differs here is other code. */
  readonly admission: Digest;
  /** Versioned interface names, sorted: `runloop:agent/kb@0.1.0`. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** How the modules are put together: a `LinkPlan` (plan.ts) as JSON text in UTF-8. Data, never code; opaque to the control process. */
  readonly plan: Uint8Array;
  /**
   * Whether a module is beyond the strict limits of metering. The engine's optimising compiler, which runs without fuel, sees such
   * a one only where somebody vouches for it.
   */
  readonly large: boolean;
  /** Metered core modules by the names that the plan uses. */
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly stats: {
    readonly bytes: number;
    readonly meteredBytes: number;
    readonly functions: number;
    readonly fuelTable: number;
  };
}

/** One message as the guest gets it: `body` is JSON text. */
export interface GuestMessage {
  readonly port: string;
  readonly type: string;
  readonly body: string;
  readonly labels: Labels;
}

export interface GuestSpec {
  /** Guests of one trust domain may share a process. Default: a domain of its own for each component. */
  readonly domain?: string;
  /** Whether it may run in whatever cage there is. Default: only in the full one, since nobody vouches for it. */
  readonly anyCage?: boolean;
  /** Whether somebody whom this home trusts vouches for it. Default: nobody does. */
  readonly vouched?: boolean;
  readonly component: Admitted;
  readonly node: string;
  readonly attempt: number;
  /** JSON text. */
  readonly with: string;
  readonly inputs: readonly GuestMessage[];
  /** 64 hex digits. */
  readonly seed: string;
  readonly epochMs: number;
  readonly state: JsonObject;
  readonly limits: {
    /** Units of fuel; one charged instruction is one unit, one unit is one nanosecond of the guest's clock. */
    readonly fuel: number;
    readonly memoryMib: number;
    /** Host calls that an attempt may make. */
    readonly calls: number;
    /** Those below: as usual (`host/limits/table.ts`) where they are missing. */
    readonly bytesIn?: number;
    readonly bytesOut?: number;
    readonly logLines?: number;
    /** UTF-16 code units. */
    readonly logUnits?: number;
    /** Open at once. */
    readonly handles?: number;
  };
  /** The interfaces that the grant links, by short name: `log`, `kb`, `wasi:io/streams`, … */
  readonly linked: readonly string[];
  /** Whether clocks and random values are the run's; what is not named is inert. Default: neither. `"real"`: dates are this machine's. */
  readonly granted?: { readonly time: boolean | "real"; readonly random: boolean };
  /**
   * Interfaces that the manifest calls optional and the grant does not hold. Their functions are there; each call goes to the
   * control process like any other (also for interfaces that are otherwise answered in the sandbox process), which denies it.
   */
  readonly stubs?: readonly string[];
  /** The directories that the grant holds; the guest has a view of its own of each. */
  readonly directories?: GrantedDirectories;
}

/** Granted directories as a guest finds them, under their own absolute paths: sorted, each once. */
export type GrantedDirectories = readonly { readonly path: string; readonly writable: boolean }[];

/** A name that an attempt leaves otherwise than it found it. null: nothing is there. */
export interface GuestChange {
  readonly dir: string;
  readonly path: string;
  readonly before: { readonly kind: "directory" } | { readonly kind: "file"; readonly version: string } | null;
  readonly after:
    | { readonly kind: "directory" }
    /** `pieces`: what `fs.store` said of each, in order. */
    | { readonly kind: "file"; readonly size: number; readonly pieces: readonly Digest[] }
    | null;
}

/** A host call that needs authority: `model.complete`, `kb.search`, `actions.propose`, … */
export interface GuestCall {
  /** From 0 within the attempt. */
  readonly seq: number;
  readonly interface: string;
  readonly function: string;
  /** The arguments in order, as JSON (`sandbox/abi/lift.ts` says in which forms). */
  readonly args: readonly Json[];
  /** Fuel used when the call was made. */
  readonly fuel: number;
}
export type CallAnswer = { readonly ok: Json } | { readonly err: CallError };

export interface GuestLog {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: JsonObject;
}

/** One line of standard error, or of standard output where that is not the result. */
export interface GuestOutput {
  readonly stream: "stdout" | "stderr";
  /** `warn`: the host's own word on what was dropped. */
  readonly level: "info" | "warn";
  readonly chunk: string;
}
export type GuestLine = GuestLog | GuestOutput;

/** A limit that bit. */
export interface MetLimit {
  readonly name: string;
  readonly value: number;
  readonly ceiling: number;
}

export interface GuestCosts {
  readonly fuel: number;
  readonly peakMemoryBytes: number;
  /** Rolling digest (SHA-256, 64 hexadecimal digits) of the calls answered in the sandbox process. */
  readonly localHash: string;
  readonly state: JsonObject;
  /** Limits that were met on the way and did not end the attempt; each once. */
  readonly met?: readonly MetLimit[] | undefined;
}

/** What a guest that has succeeded made of the granted directories, where that is anything. */
export interface GuestChanges {
  readonly changes?: readonly GuestChange[] | undefined;
}

export type GuestEnd =
  | ({
      readonly kind: "ok";
      readonly outputs: readonly { readonly port: string; readonly type: string; readonly body: string }[];
    } & GuestCosts &
      GuestChanges)
  /** A command ended with success, and this is its standard output. */
  | ({ readonly kind: "exited"; readonly stdout: string } & GuestCosts & GuestChanges)
  /** The guest returned `err`, trapped, or met a limit; `failure.code` says which. */
  | ({
      readonly kind: "failed";
      readonly failure: Failure;
      readonly limit?: MetLimit;
    } & GuestCosts)
  | ({ readonly kind: "cancelled" } & GuestCosts)
  /** The sandbox process died or was killed by the watchdog; the attempt may be re-executed from its journal. */
  | { readonly kind: "lost"; readonly reason: string };

export interface GuestHooks {
  /** Answers a host call. Must settle; a rejection ends the attempt with `host.component`. */
  call(call: GuestCall): Promise<CallAnswer>;
  log(line: GuestLine): void;
  /** The guest has dropped its handle of a resource of the control process; `name` is what the host called it. */
  drop?(resource: string, name: Json): void;
}

/** Sandbox processes as the host sees them. */
export interface Sandbox {
  run(spec: GuestSpec, hooks: GuestHooks, signal: AbortSignal): Promise<GuestEnd>;
  close(): Promise<void>;
}
