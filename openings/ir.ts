/**
 * The intermediate representation of an opening: what the language is compiled to, what the checks read and the engine runs.
 * It is plain JSON (it is stored with the run as a blob) with every default filled in and every template resolved.
 */
import type { JsonObject, Json } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import type { Narrowing } from "./grant/narrow.js";

export type Operator = "==" | "!=" | ">" | ">=" | "<" | "<=";
export type Literal = boolean | number | string;

export interface PortRef {
  readonly node: NodeId;
  readonly port: string;
}

export interface Retry {
  readonly max_attempts: number;
  readonly backoff_ms: number;
  readonly multiplier: number;
  readonly max_backoff_ms: number;
  /** Relative: 0.2 means ±20 %. */
  readonly jitter: number;
}

export interface OpeningNode {
  readonly id: NodeId;
  /** `use: agent:<name>[@variant]`, taken apart; the name of another opening where `opening` is there. */
  readonly agent: string;
  readonly variant: string | null;
  /** `use: opening:<name>`: that opening, compiled with this node's `with` as its parameters. An attempt of the node is a run of it. */
  readonly opening?: Opening;
  readonly with: JsonObject;
  readonly retry: Retry;
  /** Per attempt; null = the agent's own ceiling. */
  readonly timeout_ms: number | null;
  readonly budget_tokens: number | null;
  /** Millionths of a dollar: amounts are integers. */
  readonly budget_microusd?: number;
  /** Guest instructions, over all attempts. */
  readonly budget_fuel?: number;
  readonly tags: readonly string[];
  /** The input whose elements each get an invocation of their own. */
  readonly for_each?: string;
  /** Invocations of a `for_each` at once. */
  readonly max_parallel?: number;
  /** The node that gets `{node, reason, attempts}` on its input `error` when this one has failed for good. */
  readonly on_error?: NodeId;
  /** What the node leaves of its agent's capabilities; null = all. Openings stored before there was this key have none. */
  readonly caps?: Narrowing | null;
}

/** An edge with a `guard` only gates; one without carries the value. Edges keep the order of the file. */
export interface OpeningEdge {
  readonly from: PortRef;
  readonly to: PortRef;
  readonly guard: { readonly op: Operator; readonly literal: Literal } | null;
}

export type Expression =
  | { readonly kind: "exists"; readonly ref: PortRef }
  | { readonly kind: "compare"; readonly ref: PortRef; readonly op: Operator; readonly literal: Literal };

/**
 * Keys with a question mark are left out where the file does not have them, so that openings stored by an earlier version are the
 * same documents.
 */
export interface Opening {
  readonly version: 0;
  readonly name: string;
  readonly goals: readonly string[];
  /** What another opening that uses this one hands in, by name: ports of the source that edges call `inputs`. */
  readonly inputs?: Readonly<Record<string, InnerInput>>;
  /** What it hands back, by name. */
  readonly outputs?: Readonly<Record<string, PortRef>>;
  /** Defaults with the caller's parameters merged over them. */
  readonly params: JsonObject;
  readonly policy: {
    readonly budget_tokens: number | null;
    readonly timeout_ms: number | null;
    readonly confirm_external: boolean;
    /** null = no limit but the host's. */
    readonly max_parallel: number | null;
    /** Millionths of a dollar. */
    readonly budget_microusd?: number;
    readonly budget_fuel?: number;
    /** `stop`: the first failure that nothing recovers from cancels what is left. */
    readonly on_failure?: "stop" | "continue";
  };
  readonly nodes: readonly OpeningNode[];
  readonly edges: readonly OpeningEdge[];
  /** null = no node failed. */
  readonly success: { readonly mode: "any_of" | "all_of"; readonly of: readonly Expression[] } | null;
  readonly artifacts: { readonly save: readonly PortRef[] };
}

export interface InnerInput {
  readonly type: string;
  readonly required: boolean;
  /** A value that came with the parameters, by the input's name. */
  readonly value?: Json;
}

/** What edges call the source of an opening's own inputs. No node of an opening with `inputs` has this id. */
export const INPUTS = "inputs" as NodeId;
/** The input of a recovering node, and its built-in type. */
export const ERROR_PORT = "error";
export const ERROR_TYPE = "node.error.v1";

/** `name`, `name@variant` or `opening:name`: what a node runs, as its `use` names it. */
export function usedName({ agent, variant, opening }: Pick<OpeningNode, "agent" | "variant" | "opening">): string {
  if (opening) return `opening:${agent}`;
  return variant === null ? agent : `${agent}@${variant}`;
}

/** The nodes that run an agent. */
export function agentNodes(opening: Opening): readonly OpeningNode[] {
  return opening.nodes.filter((node) => !node.opening);
}
