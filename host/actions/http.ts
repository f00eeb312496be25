/** `http`: a request that changes something at the other end. An agent asks for it with `http.fetch`. */
import type { Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import { bareHost, portOf } from "../capability/net.js";
import type { HttpGate } from "../http/gate.js";
import type { HttpLimits } from "../http/limits.js";
import { checkRequest, requestAsJson, type GuestRequest, type HttpRequest } from "../http/request.js";
import { responseAsJson } from "../http/response.js";
import { CallFailure } from "../imports/interface.js";
import type { Grant } from "#openings/agent.js";
import { OutcomeUnknown, type ActionKind } from "./action.js";

/** `grant` and `limits` are those of the agent that asks. */
export function httpAction(
  gate: HttpGate,
  grant: Grant,
  limits: HttpLimits,
): ActionKind & { readonly labels: () => readonly string[] } {
  const typed = (args: Json): HttpRequest => checkRequest(args as unknown as GuestRequest);
  let labels: readonly string[] = [];
  return {
    kind: "http",
    // Whether the server keeps its promise to honour an idempotency key, nobody here can know.
    afterCrash: "ask",
    /** Of the response, once there is one. */
    labels: () => labels,
    parse: (args) => requestAsJson(typed(args)),
    show: (args) => shown(typed(args)),
    destination: (args) => {
      const { url, headers } = typed(args);
      const sent = headers.flatMap(({ value }) => (value.tag === "secret" ? [value.val] : []));
      return {
        origin: url.origin,
        secrets: grant.secrets.filter(({ id }) => sent.includes(id)).map(({ id, hosts }) => ({ id, hosts: [...hosts] })),
      };
    },
    async perform(args, { idempotencyKey, signal }) {
      const request = typed(args);
      let dispatched = false;
      try {
        const reply = await gate.send(grant, request, limits, signal, { idempotencyKey, dispatched: () => (dispatched = true) });
        labels = reply.labels;
        return { result: responseAsJson(reply), events: [], detail: `${request.method} ${request.url.host}: ${reply.status}` };
      } catch (error) {
        if (!dispatched) throw error;
        throw new OutcomeUnknown(error instanceof CallFailure ? error : new CallFailure("failed", "the request was cut off"));
      }
    },
  };
}

/** The whole request for a person to decide on: every header and every byte of the body. */
function shown({ method, url, headers, body }: HttpRequest): string {
  return [
    "Send an HTTP request",
    `  ${method} ${visibleLine(url.href)}`,
    `  To:      ${visibleLine(bareHost(url))}, port ${portOf(url)}, ${url.protocol === "https:" ? "encrypted (https)" : "NOT encrypted (http)"}`,
    `  Headers: ${headers.length === 0 ? "none of the agent's own" : ""}`.trimEnd(),
    ...headers.map(({ name, value }) =>
      value.tag === "secret" ? `    ${name}: [the secret ${visibleLine(value.val)}]` : `    ${name}: ${visibleLine(value.val)}`,
    ),
    "    (rlp adds host, content-length, user-agent, accept-encoding and idempotency-key)",
    ...bodyLines(body),
  ].join("\n");
}

function bodyLines(body: Buffer): string[] {
  if (body.length === 0) return ["  Body:    none"];
  const text = readable(body);
  if (text !== null)
    return [`  Body:    ${body.length} bytes of text`, "", ...text.split(/\r\n|\r|\n/).map((line) => `  ${visibleLine(line)}`)];
  const lines = Array.from({ length: Math.ceil(body.length / 32) }, (_, index) =>
    body.toString("hex", index * 32, (index + 1) * 32),
  );
  return [`  Body:    ${body.length} bytes that are no text, in hexadecimal`, "", ...lines.map((line) => `  ${line}`)];
}

function readable(body: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}
