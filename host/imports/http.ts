/** `runloop:agent/http`: requests through the gate. What only looks is answered directly; what changes something is proposed first. */
import * as z from "zod";
import type { Json } from "#core/json.js";
import { httpAction } from "../actions/http.js";
import { REQUEST_BODY_BYTES, REQUEST_HEADERS, URL_CHARACTERS } from "../http/bounds.js";
import type { HttpGate } from "../http/gate.js";
import { httpLimits } from "../http/limits.js";
import { isSafe } from "../http/method.js";
import { checkRequest, requestAsJson } from "../http/request.js";
import { responseAsJson } from "../http/response.js";
import { carryOut, type ActionDesk } from "./actions.js";
import { base64 } from "./base64.js";
import { CallFailure, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { read } from "./kb.js";

/** A `u64`: what has no exact number comes as text. As a time or a size that is more than anybody gets. */
const u64 = z
  .union([z.int().nonnegative(), z.string().regex(/^[0-9]{1,20}$/)])
  .transform((value) => (typeof value === "number" ? value : Number.MAX_SAFE_INTEGER));
const fetchArgs = z.tuple([
  z.strictObject({
    method: z.string().max(16),
    url: z.string().max(URL_CHARACTERS),
    headers: z
      .array(
        z.strictObject({
          name: z.string().max(128),
          value: z.strictObject({ tag: z.enum(["text", "secret"]), val: z.string().max(16_384) }),
        }),
      )
      .max(REQUEST_HEADERS),
    body: base64(REQUEST_BODY_BYTES),
    timeout_ms: u64,
    max_bytes: u64,
  }),
]);

export function httpFunctions(gate: HttpGate, desk: ActionDesk): HostFunctions {
  /** Requests by attempt. */
  const made = new Map<string, number>();
  return new Map([
    [
      "http.fetch",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const limits = httpLimits(context.agent);
        const attempt = `${context.node} ${context.attempt}`;
        const before = made.get(attempt) ?? context.recorded.calls.filter((event) => event.meta.interface === "http").length;
        made.set(attempt, before + 1);
        if (before >= limits.requests)
          throw new CallFailure("failed", `more than ${limits.requests} requests in one attempt`, {
            limit: { name: "http_requests", value: before + 1, ceiling: limits.requests },
          });
        const [given] = read(fetchArgs, args);
        const request = checkRequest(given);
        gate.check(context.grant, request);
        if (isSafe(request.method)) {
          const reply = await gate.send(context.grant, request, limits, context.signal);
          return { answer: { ok: responseAsJson(reply) }, labels: reply.labels };
        }
        const kind = httpAction(gate, context.grant, limits);
        const done = await carryOut(desk, context, { interface: "http", function: "fetch", kind, args: requestAsJson(request) });
        if ("rejected" in done) throw new CallFailure("denied", done.rejected);
        return { answer: { ok: done.result }, labels: kind.labels(), events: done.events };
      },
    ],
  ]);
}
