/** `--answers`: what the nodes of a simulated run give, from a file or from a run in the ledger. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { UsageError } from "#core/errors.js";
import { innerTraceId, type TraceId } from "#core/ids.js";
import { json, type StoredValue } from "#core/values.js";
import { jsonLimits, parseJson, type Json } from "#core/json.js";
import type { Script, Scripted } from "#openings/sim/actor.js";
import type { Context } from "../context.js";
import { loadStored, resolveTrace, withLedger } from "../ledger.js";

const scripted = z.strictObject({
  outputs: z.record(z.string(), z.array(json)).optional(),
  fails: z.strictObject({ code: z.string().max(128), retryable: z.boolean() }).optional(),
  decision: z.enum(["approved", "rejected"]).optional(),
});
const script = z.record(z.string(), scripted);

export async function readAnswers(context: Context, from: string | undefined): Promise<Script> {
  if (from === undefined) return {};
  return from.startsWith("trace:") ? recordedAnswers(context, from) : scriptedAnswers(resolve(context.world.cwd, from));
}

function scriptedAnswers(file: string): Script {
  let answers: Json;
  try {
    if (statSync(file).size > jsonLimits.bytes) throw new Error("it is too large");
    answers = parseJson(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError("USAGE", `the answers cannot be read: ${(error as Error).message}`, { place: { at: file } });
  }
  const parsed = script.safeParse(answers);
  if (parsed.success) return parsed.data as Script;
  const [issue] = parsed.error.issues;
  throw new UsageError("USAGE", `the answers are not as they should be: ${issue?.message ?? ""}`, {
    place: { at: `${file}: ${issue?.path.join(".") ?? ""}` },
    hint: 'by node: {"review": {"outputs": {"ok": [true]}}, "send": {"decision": "rejected"}}',
  });
}

/** What each node gave in its last attempt, what a person decided, and the same for the runs inside. */
function recordedAnswers(context: Context, from: string): Promise<Script> {
  return withLedger(context, (ledger) => {
    const found: Record<string, Scripted> = {};
    const visit = (trace: TraceId, around: string): void => {
      const proposed = new Map<string, string>();
      for (const { kind, meta } of ledger.runEvents(trace)) {
        if (kind === "action.proposed") proposed.set(meta.proposal_id, meta.node);
        if (kind === "action.decided") {
          const path = `${around}${proposed.get(meta.proposal_id) ?? ""}`;
          found[path] = { ...found[path], decision: meta.decision };
        }
        if (kind === "node.started")
          visit(innerTraceId(trace, meta.node, meta.attempt), `${around}${meta.node.replace(/\[.*/, "")}/`);
        if (kind !== "node.finished") continue;
        const path = `${around}${meta.node}`;
        const load = (stored: StoredValue): Json => loadStored(ledger, stored);
        if (meta.status === "ok") found[path] = { ...found[path], outputs: byPort(meta.outputs, load) };
        else if (meta.error && !meta.error.code.startsWith("host."))
          found[path] = { ...found[path], fails: { code: meta.error.code, retryable: meta.error.retryable } };
      }
    };
    visit(resolveTrace(ledger, from), "");
    return found;
  });
}

function byPort(
  outputs: readonly { readonly port: string; readonly body: StoredValue }[],
  load: (stored: StoredValue) => Json,
): Record<string, Json[]> {
  const ports: Record<string, Json[]> = {};
  for (const { port, body } of outputs) (ports[port] ??= []).push(load(body));
  return ports;
}
