/**
 * The digests of an attempt. All of them are BLAKE3 over canonical JSON and none holds labels, times or ids, so that two runs of
 * the same opening with the same seed have the same ones.
 *
 * - `inputs_hash`   = D({inputs: [[port, type, body], …], with})
 * - `outputs_hash`  = D([[port, type, body], …])
 * - `request_hash`  = D([interface, function, args])
 * - `response_hash` = D(response)
 * - `journal_hash`: a chain. h₀ = D([version, inputs_hash, seed]); for each call
 *   h = BLAKE3(h ‖ JCS([seq, interface, function, request_hash, response_hash, fuel])); at the end D([h, local_hash, fuel, end]).
 */
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson, jsonDigest, type Json, type JsonObject } from "#core/json.js";
import type { Failure, Message } from "#core/values.js";

const VERSION = "rlp.journal.1";

type Valued = Pick<Message, "port" | "type" | "body">;

const triples = (messages: readonly Valued[]) => messages.map(({ port, type, body }) => [port, type, body]);

export function inputsHash(messages: readonly Valued[], withValues: JsonObject): Digest {
  return jsonDigest({ inputs: triples(messages), with: withValues });
}

export function outputsHash(messages: readonly Valued[]): Digest {
  return jsonDigest(triples(messages));
}

export function requestHash(interfaceName: string, functionName: string, args: readonly Json[]): Digest {
  return jsonDigest([interfaceName, functionName, args]);
}

/** `response` is the whole answer, `{"ok": …}` or `{"err": …}`. */
export function responseHash(response: Json): Digest {
  return jsonDigest(response);
}

export interface HashedCall {
  /** From 0 within the attempt. */
  readonly seq: number;
  readonly interface: string;
  readonly function: string;
  readonly requestHash: Digest;
  readonly responseHash: Digest;
  /** Fuel that the attempt had used when it made the call. */
  readonly fuel: number;
}

export type HashedEnd =
  | { readonly status: "ok"; readonly outputsHash: Digest }
  | { readonly status: "error"; readonly failure: Failure }
  | { readonly status: "cancelled" };

/**
 * What two executions of the same attempt must agree on in a failure. The wording of the host's own failures comes from the
 * JavaScript engine and changes with its version, so it does not count; an agent's own wording does.
 */
export function comparableFailure({ code, message, retryable }: Failure): Failure {
  return { code, message: code.startsWith("host.") ? "" : message, retryable };
}

/** The journal hash of one attempt, fed call by call. An attempt that is re-executed feeds its recorded calls again. */
export class JournalHasher {
  #chain: Digest;

  constructor(attempt: { readonly inputsHash: Digest; readonly seed: Digest }) {
    this.#chain = jsonDigest([VERSION, attempt.inputsHash, attempt.seed]);
  }

  call(call: HashedCall): void {
    const { seq, requestHash, responseHash, fuel } = call;
    this.#chain = blake3(this.#chain, canonicalJson([seq, call.interface, call.function, requestHash, responseHash, fuel]));
  }

  finish(finish: { readonly localHash: Digest; readonly fuel: number; readonly end: HashedEnd }): Digest {
    const { localHash, fuel, end } = finish;
    const comparable = end.status === "error" ? { status: end.status, failure: comparableFailure(end.failure) } : end;
    return jsonDigest([this.#chain, localHash, fuel, comparable]);
  }
}
