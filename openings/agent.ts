/** What openings know of an agent: its face, taken from its manifest and its component's import list, never its code. */
import type { Digest } from "#core/digest.js";
import type { Json, JsonObject } from "#core/json.js";

export interface Port {
  /** Type names that the port accepts (input) or may carry (output; one name). `any` accepts everything. */
  readonly types: readonly string[];
  readonly required: boolean;
  readonly description?: string;
}

export interface AgentInterface {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** BLAKE3 of the component's bytes. */
  readonly digest: Digest;
  readonly inputs: Readonly<Record<string, Port>>;
  readonly outputs: Readonly<Record<string, Port>>;
  /** JSON Schema of `with`, or null when the manifest has none (then every `with` key but ports' names is refused). */
  readonly withSchema: JsonObject | null;
  /** What this host grants it at most: its bundle's policy, after the host's own layers. */
  readonly grant: Grant;
  /** What the bundle's policy asks for, where that is not the same. */
  readonly policy?: Grant;
  /** Interfaces that the component imports, e.g. `runloop:agent/kb@0.1.0` or `wasi:clocks/wall-clock@0.2.0`. */
  readonly imports: readonly string[];
  readonly optionalImports: readonly string[];
  /** What an attempt may use, by the names of a manifest's `[limits]`. The host knows what is usual where one is missing. */
  readonly limits: {
    readonly memory_mib: number;
    readonly fuel: number;
    readonly wall_ms: number;
    readonly [name: string]: number | undefined;
  };
  /** JSON Schemas of port types that only this agent knows. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
  /** Tools of the host that it knows how to use, from its `tools.json`. */
  readonly tools?: readonly DeclaredTool[];
}

export interface DeclaredTool {
  readonly id: string;
  readonly description: string;
  /** JSON Schema of its arguments; null: as the host has it. */
  readonly inputSchema: JsonObject | null;
}

/** An effective grant. Everything is off unless it is named. */
export interface Grant {
  readonly fs_ro: readonly string[];
  readonly fs_rw: readonly string[];
  readonly net: readonly {
    readonly host: string;
    /** null = the scheme's own. */
    readonly port: number | null;
    /** What two rules left of each other; no policy says it. */
    readonly scheme?: "http" | "https";
    readonly methods: readonly string[] | null;
    readonly paths: readonly string[] | null;
  }[];
  /** `false`, `true` (the run's own clock) or `"real"`. */
  readonly time: boolean | "real";
  readonly random: boolean;
  /** `true` or a list of domains. */
  readonly kb_read: boolean | readonly string[];
  readonly kb_write: boolean | readonly string[];
  readonly secrets: readonly { readonly id: string; readonly hosts: readonly string[] }[];
  readonly secrets_raw: readonly string[];
  /** `true` or a list of model patterns. */
  readonly model: boolean | readonly string[];
  readonly actions: readonly string[];
  readonly tools: readonly string[];
  readonly exec: readonly Json[];
  readonly spawn: readonly string[];
}

/** What an empty policy grants. */
export const noGrant: Grant = {
  fs_ro: [],
  fs_rw: [],
  net: [],
  time: false,
  random: false,
  kb_read: false,
  kb_write: false,
  secrets: [],
  secrets_raw: [],
  model: false,
  actions: [],
  tools: [],
  exec: [],
  spawn: [],
};

/** Finds agents by name; `names()` is for suggestions. */
export interface AgentCatalog {
  get(name: string, variant: string | null): AgentInterface | undefined;
  names(): readonly string[];
  /** What a person should know of it, and nothing is wrong with: a layer that tried to add, say. */
  notices?(name: string, variant: string | null): readonly string[];
  /** Why an agent that is there cannot be used. */
  refusal?(name: string, variant: string | null): { readonly message: string; readonly hint?: string | undefined } | undefined;
}

/** JSON Schemas of port types, by type name. */
export interface TypeRegistry {
  get(type: string): JsonObject | undefined;
  names(): readonly string[];
}
