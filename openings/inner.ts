/** What an opening knows of another one that it uses: its ports, itself compiled with the node's parameters, and whom it runs. */
import type { JsonObject } from "#core/json.js";
import type { AgentInterface, Port } from "./agent.js";
import type { InnerInput, Opening } from "./ir.js";

export interface InnerOpening {
  readonly opening: Opening;
  readonly inputs: Readonly<Record<string, Port>>;
  readonly outputs: Readonly<Record<string, Port>>;
  /** JSON Schemas of port types that only its agents know. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
  /** Its agents and those of the openings that it uses itself, each with the grant that is left to it there. */
  readonly agents: readonly { readonly path: string; readonly agent: AgentInterface }[];
}

/** Finds openings by name, compiled with `given`: the `with` of the node that uses one. */
export interface OpeningCatalog {
  get(name: string, given: JsonObject): InnerOpening | undefined;
  names(): readonly string[];
  /** Why an opening that is there cannot be used. */
  refusal(name: string, given: JsonObject): { readonly message: string; readonly hint?: string | undefined } | undefined;
}

export const noOpenings: OpeningCatalog = { get: () => undefined, names: () => [], refusal: () => undefined };

/** The inputs of an opening as the ports that another opening sees. */
export function innerPorts(inputs: Readonly<Record<string, InnerInput>> | undefined): Readonly<Record<string, Port>> {
  return Object.fromEntries(
    Object.entries(inputs ?? {}).map(([name, { type, required }]) => [name, { types: [type], required }]),
  );
}

/** Openings inside of openings, at most. */
export const INNER_DEPTH = 8;

/** Openings compiled for one, each with other parameters, at most. */
export const INNER_COMPILES = 1000;
