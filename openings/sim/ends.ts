/** Ends of simulated agents in a few words. */
import type { Json, JsonObject } from "#core/json.js";
import type { GuestEnd } from "./guest.js";

/** Outputs by port; an array is one message for each element. */
export function gives(ports: Readonly<Record<string, Json | readonly Json[]>>, state: JsonObject = {}): GuestEnd {
  const ok = Object.entries(ports).flatMap(([port, value]) =>
    (Array.isArray(value) ? (value as Json[]) : [value as Json]).map((body) => ({ port, type: typeOf(body), body, labels: [] })),
  );
  return { ok, state };
}

export function fails(code: string, retryable = false, state: JsonObject = {}): GuestEnd {
  return { error: { code, message: `${code} happened`, retryable }, state };
}

const typeOf = (body: Json): string =>
  typeof body === "boolean" ? "bool.v1" : typeof body === "number" ? "number.v1" : "json.v1";
