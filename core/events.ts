/**
 * One event, one schema: the ledger, standard output of `rlp run`, the bus and agtop read these same records
 * (`docs/reference/events.md`). Every kind's `meta` is closed: a key that is not listed here is an error.
 */
import * as z from "zod";
import { DataError } from "./errors.js";
import { fitsOf, type Fits } from "./fits.js";
import { INTERPRETED } from "./schema.js";
import type { OpeningId, TraceId, NodeId, ProposalId } from "./ids.js";
import { digest, failure, json, labels, storedValue } from "./values.js";

const count = z.int().nonnegative();
const ms = z.number().nonnegative();
const text = z.string();
/** A node of the opening, or one invocation of a `for_each`: `node[3]`. */
const node = z.custom<NodeId>((value) => typeof value === "string" && value.length <= 72, "not a node id");
const trace = z.custom<TraceId>((value) => typeof value === "string" && value.startsWith("trace:"), "not a trace id");
const opening = z.custom<OpeningId>((value) => typeof value === "string" && value.startsWith("opening:"), "not an opening id");
const proposal = z.custom<ProposalId>((value) => typeof value === "string" && value.startsWith("proposal:"), "not a proposal id");

export const runStatus = z.enum(["ok", "error", "cancelled"]);
export type RunStatus = z.infer<typeof runStatus>;
export const nodeStatus = z.enum(["ok", "error", "skipped", "cancelled"]);
/** How a node ended. A node that has not ended is `pending`, `running` or `waiting`. */
export type NodeStatus = z.infer<typeof nodeStatus>;

const output = z.strictObject({ port: text, type: text, labels, body: storedValue });
const totals = z.strictObject({ tokens: count, usd: z.number().nonnegative(), fuel: count, calls: count });
const call = { node, attempt: count, call_seq: count, interface: text, function: text, request_hash: digest };
const decision = z.enum(["approved", "rejected"]);
/** `left` is what the tightest budget over the scope still holds; null where there is no budget. */
const budget = z.strictObject({ scope: text, unit: text, amount: count, left: count.nullable() });

/** Kinds that belong to a run. All times in `_ms` are milliseconds; `attempt` counts from 1, `call_seq` from 0. */
export const runMeta = {
  "run.started": z.strictObject({
    opening_name: text,
    /** Digest of the blob that holds the opening's IR as canonical JSON. */
    opening: digest,
    params: z.record(text, json),
    seed: count,
    epoch_ms: count,
    /** Id of the last ledger row that the run's searches may see. */
    kb_watermark: count,
    /** Agent name → BLAKE3 of its component. */
    components: z.record(text, digest),
    /** Agent name → the folder its bundle was read from. Where to look again on this machine; what is found must have the same digest. */
    agent_dirs: z.record(text, text).optional(),
    /** Node → effective grant. */
    grants: z.record(text, json),
    /** Agent name → limit → what its attempts get. A replay and a resumed run use these, whatever the configuration says by then. */
    limits: z.record(text, z.record(text, count)).optional(),
    /** What the operator's ceilings took from what the manifests ask for. */
    limits_lowered: z.array(z.strictObject({ agent: text, limit: text, asked: count, ceiling: count })).optional(),
    /** Agent → who vouched for it when the run began, and what stood over its policy. */
    trust: z
      .record(
        text,
        z.strictObject({
          standing: z.enum(["bundled", "signed", "stranger"]),
          /** Id of the key that has signed it. */
          key: text.optional(),
          /** Who accepted less than the full cage for a stranger. */
          reduced: z.enum(["trust policy", "flag"]).optional(),
          layers: z
            .array(
              z.strictObject({
                layer: text,
                file: text.optional(),
                took: z.array(text),
                /** What is left in the place of something wider. */
                left: z.array(text),
                /** What the layer tried to add. */
                ignored: z.array(text),
              }),
            )
            .optional(),
        }),
      )
      .optional(),
    /** The opening's text as it was read, for who edits it: what was compiled from it with these parameters is `opening`. */
    source: z.strictObject({ file: text, digest, params: z.record(text, json) }).optional(),
    /** It took over what this run had come to before that node; without one, in a run inside of a fork, whatever is unchanged. */
    forked_from: z.strictObject({ trace, node: node.optional() }).optional(),
    budgets: z.strictObject({ tokens: count.nullable(), microusd: count.optional(), fuel: count.optional() }),
    /** What was handed to an opening that has `inputs`, by input. */
    inputs: z.array(output).optional(),
    /** Whose attempt this run is, where another opening uses this one, and the `timeout_ms` of that node. */
    parent: z.strictObject({ trace, node, attempt: count, timeout_ms: count.optional() }).optional(),
    host: z.strictObject({ rlp: text, node: text, isolation: text, fuel_table: count }),
  }),
  "run.parked": z.strictObject({ why: text, by: text, active_ms: ms, waiting: z.array(proposal) }),
  "run.resumed": z.strictObject({ why: text, by: text, active_ms: ms }),
  "run.cancelled": z.strictObject({ why: text, by: text, active_ms: ms }),
  "run.finished": z.strictObject({
    status: runStatus,
    /** Whether `success` held (or, where the opening has none, no node failed). */
    success: z.boolean(),
    reason: text.optional(),
    /** Another run might do better: what failed for good, failed in a way that another attempt can help. */
    retryable: z.boolean().optional(),
    /** The time of the node whose attempt this run is was used up. */
    timed_out: z.literal(true).optional(),
    duration_ms: ms,
    nodes: z.array(
      z.strictObject({ node, status: nodeStatus, attempts: count, duration_ms: ms, outputs_hash: digest.nullable() }),
    ),
    /** Where the list is too long for a line it stands in this blob, and `nodes` is empty. */
    nodes_blob: digest.optional(),
    final_hash: digest,
    /** What an opening with `outputs` hands back, by output. */
    outputs: z.array(output).optional(),
    /** Where the list is too long for a line it stands in this blob, and `outputs` is empty. */
    outputs_blob: digest.optional(),
    totals,
  }),
  /** A `for_each` begins: this many invocations, `node[0]` and on. */
  "node.expanded": z.strictObject({ node, agent: text, items: count, inputs_hash: digest }),
  /** All invocations of a `for_each` have ended. What they gave stands in their own ends; together, in the order of the elements, it has this hash. */
  "node.collected": z.strictObject({
    node,
    items: count,
    status: z.enum(["ok", "error"]),
    duration_ms: ms,
    outputs_hash: digest.nullable(),
    error: failure.optional(),
  }),
  /** What the node waited for has been decided, and the opening inside of it goes on. */
  "node.continued": z.strictObject({ node, proposal_id: proposal }),
  "node.started": z.strictObject({
    node,
    agent: text,
    attempt: count,
    inputs_hash: digest,
    /** Nothing was executed: this attempt, up to its end, is what that run has recorded. */
    reused_from: trace.optional(),
    /** In a fork: why a node before the fork is executed all the same. */
    not_reused: text.optional(),
  }),
  "node.retrying": z.strictObject({ node, attempt: count, reason: failure, backoff_ms: ms }),
  "node.waiting": z.strictObject({ node, proposal_id: proposal }),
  "node.skipped": z.strictObject({ node, reason: text }),
  "node.finished": z.strictObject({
    node,
    attempt: count,
    status: nodeStatus,
    duration_ms: ms,
    fuel: count,
    peak_memory_bytes: count,
    outputs: z.array(output),
    outputs_hash: digest.nullable(),
    /** Digest over the attempt's whole journal: inputs, seed, calls, local calls, end. */
    journal_hash: digest,
    /** Rolling digest of clock, random, log and state calls, which follow from the seed and the fuel. */
    local_hash: digest,
    /** The node's `state` store after this attempt, for the next one. */
    state: storedValue.optional(),
    error: failure.optional(),
    /** What a failed attempt had read: where its failure comes from. */
    labels: labels.optional(),
    /** Host calls inside of an opening that the node uses. */
    calls: count.optional(),
  }),
  /** One line of a standard stream, without its line feed. Standard output of a command is its result and stands in `node.finished`. */
  "node.stdout": z.strictObject({ node, attempt: count, chunk: text }),
  "node.stderr": z.strictObject({ node, attempt: count, chunk: text }),
  "call.started": z.strictObject({ ...call, idempotency_key: text }),
  "call.finished": z.strictObject({
    ...call,
    /** `{"ok": …}` or `{"err": {code, message, …}}`. */
    response: storedValue,
    response_hash: digest,
    labels,
    /** Fuel that the attempt had used when it made the call. */
    fuel: count,
    duration_ms: ms,
    decision: z.enum(["allowed", "denied"]),
  }),
  "action.proposed": z.strictObject({
    proposal_id: proposal,
    node,
    attempt: count,
    call_seq: count,
    action: text,
    args_hash: digest,
    /** What a person decides on, rendered by the host from the arguments; whole, or a blob. */
    summary: storedValue,
    args: storedValue,
    expires_at_ms: count.nullable(),
  }),
  "action.decided": z.strictObject({ proposal_id: proposal, args_hash: digest, decision, by: text, reason: text.optional() }),
  "action.finished": z.strictObject({
    proposal_id: proposal,
    outcome: z.enum(["done", "failed", "unknown"]),
    detail: text.optional(),
  }),
  "cap.denied": z.strictObject({ node: node.optional(), agent: text, cap: text, op: text, target: text, reason: text }),
  "cap.allowed": z.strictObject({ node: node.optional(), agent: text, cap: text, op: text, target: text, reason: text }),
  "budget.reserved": budget,
  "budget.charged": budget,
  "budget.exhausted": budget,
  "limit.hit": z.strictObject({ node, limit: text, value: z.number(), ceiling: z.number() }),
  log: z.strictObject({ node, attempt: count, fields: z.record(text, json) }),
  "value.truncated": z.strictObject({ where: text, kept: count, dropped: count }),
  "edge.delivered": z.strictObject({ from: text, to: text, type: text, bytes: count, value_hash: digest, labels }),
  "edge.withheld": z.strictObject({ from: text, to: text, reason: text }),
  "artifact.created": z.strictObject({
    kind: text,
    digest,
    media_type: text.optional(),
    summary: text.optional(),
    citations: z.array(text).optional(),
    node: node.optional(),
    port: text.optional(),
    path: text.optional(),
  }),
  "email.sent": z.strictObject({
    to: z.array(text).min(1),
    subject: text,
    artifact: digest,
    cc: z.array(text).optional(),
    transport: text.optional(),
    path: text.optional(),
  }),
} as const;

/** Kinds that stand in the ledger outside of any run. */
export const recordMeta = {
  "contact.upserted": z.strictObject({
    name: text.min(1).max(512),
    email: text.max(320).regex(/^[^\s@]+@[^\s@]+$/, "not an e-mail address"),
    org: text.max(512).optional(),
    trust: z.number().min(0).max(1).optional(),
    evidence: z.array(count).optional(),
  }),
  "contact.retracted": z.strictObject({ email: text, reason: text.optional() }),
  "account.linked": z.strictObject({ contact: text, service: text, handle: text }),
  "note.added": z.strictObject({ text, tags: z.array(text).optional(), title: text.optional() }),
  "document.ingested": z.strictObject({
    uri: text,
    title: text.optional(),
    /** Digest of the document's bytes, which are a blob. */
    digest,
    chunks: count,
    media_type: text.optional(),
    domain: text.optional(),
    /** Digest of the file that the text was taken from, where that was no text; the file itself is not kept. */
    source: digest.optional(),
  }),
  "document.retracted": z.strictObject({ digest, reason: text.optional() }),
  "edge.asserted": z.strictObject({ from: text, to: text, relation: text }),
  "snapshot.taken": z.strictObject({ name: text, watermark: count }),
  /** A run from elsewhere came in as a file. Its events stay in that file, and never become rows. */
  "trace.imported": z.strictObject({ trace, digest, bytes: count, events: count }),
  /** The keys of these rows' contents were destroyed, and these blobs removed. */
  "entity.forgotten": z.strictObject({ entity: text, rows: z.array(count), blobs: z.array(digest), reason: text.optional() }),
  /** The ledger was brought from one schema to another. */
  "ledger.migrated": z.strictObject({ from: count, to: count }),
  /** The rows before this one came out of a file of `rlp kb export`. */
  "ledger.imported": z.strictObject({ last: count, head: digest }),
  /** A backup was put in the ledger's place: `last` and `head` are the last row and its hash, `replaced` those of what was there. */
  "ledger.restored": z.strictObject({
    last: count,
    head: digest,
    replaced: z.strictObject({ last: count, head: digest }).nullable(),
  }),
} as const;

export const eventMeta = { ...runMeta, ...recordMeta } as const;
export type RunKind = keyof typeof runMeta;
export type RecordKind = keyof typeof recordMeta;
export type EventKind = RunKind | RecordKind;
export type MetaOf<K extends EventKind> = z.infer<(typeof eventMeta)[K]>;

export const level = z.enum(["info", "warn", "error"]);
export type Level = z.infer<typeof level>;

/** Who did it: `agent:<name>@<version>`, `user` or `host`. */
export type Actor = string;
/** Whose it is: `user`, `system` or `agent:<name>`. */
export type Scope = string;

/** Where a row comes from; every part optional. */
export const provenance = z.strictObject({
  trace: text.optional(),
  opening: text.optional(),
  node: text.optional(),
  attempt: count.optional(),
  agent: digest.optional(),
  model: text.optional(),
  provider: text.optional(),
  inputs: z.array(digest).optional(),
  citations: z.array(text).optional(),
  rationale: text.optional(),
});
export type Provenance = z.infer<typeof provenance>;

/** An event before the ledger has given it a place: no `seq`, no time. */
export type EventDraft<Kinds extends EventKind = EventKind> = {
  [K in Kinds]: {
    readonly kind: K;
    readonly level: Level;
    readonly message: string;
    readonly meta: MetaOf<K>;
    readonly actor?: Actor;
    readonly scope?: Scope;
    readonly provenance?: Provenance;
  };
}[Kinds];
export type RunEventDraft = EventDraft<RunKind>;

/** One line of a run's stream. */
export type RunEvent = {
  [K in RunKind]: {
    readonly v: 1;
    /** Counts from 0 within a run, without gaps, in the order of arrival. */
    readonly seq: number;
    readonly ts_ms: number;
    readonly trace_id: TraceId;
    readonly opening_id: OpeningId;
    readonly run_id: TraceId;
    readonly kind: K;
    readonly level: Level;
    readonly message: string;
    readonly meta: MetaOf<K>;
  };
}[RunKind];
export type RunEventOf<K extends RunKind> = Extract<RunEvent, { kind: K }>;

const envelope = {
  v: z.literal(1),
  seq: count,
  ts_ms: count,
  trace_id: trace,
  opening_id: opening,
  run_id: trace,
  level,
  message: text,
};

/** The discriminated union of all lines of a run. */
export const runEvent = z.discriminatedUnion(
  "kind",
  (Object.keys(runMeta) as RunKind[]).map((kind) =>
    z.strictObject({ ...envelope, kind: z.literal(kind), meta: runMeta[kind] }),
  ) as never,
) as unknown as z.ZodType<RunEvent>;

/** No line of a run is longer than this, in UTF-8 bytes; what is larger stands in a blob. */
export const LINE_BYTES = 1 << 20;

export function isRunKind(kind: string): kind is RunKind {
  return Object.hasOwn(runMeta, kind);
}

export function isEventKind(kind: string): kind is EventKind {
  return Object.hasOwn(eventMeta, kind);
}

/** Made when an event of the kind is written first. */
const metaFits = new Map<EventKind, Fits | null>();

function fits(kind: EventKind): Fits | null {
  let found = metaFits.get(kind);
  if (found === undefined) metaFits.set(kind, (found = fitsOf(eventMeta[kind])));
  return found;
}

/** Refuses an event that does not fit its kind's closed schema, with the path of what is wrong (`DATA_BAD_EVENT`). */
export function checkMeta(kind: string, meta: unknown): void {
  if (!isEventKind(kind)) throw new DataError("DATA_BAD_EVENT", `there is no event kind \`${kind}\``);
  if (fits(kind)?.(meta)) return;
  const result = eventMeta[kind].safeParse(meta, INTERPRETED);
  if (!result.success) throw badEvent(kind, result.error);
}

/** Reads one line of a run's stream. */
export function parseRunEvent(value: unknown): RunEvent {
  const result = runEvent.safeParse(value);
  if (!result.success) throw badEvent((value as { kind?: unknown } | null)?.kind, result.error);
  // Not the copy that the library made: it leaves out members named `__proto__`, and the schema changes nothing else.
  return value as RunEvent;
}

/** One step of a JSON pointer (RFC 6901, section 3). */
const token = (part: PropertyKey): string => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`;

function badEvent(kind: unknown, error: z.ZodError): DataError {
  const issue = error.issues[0];
  const pointer = issue ? issue.path.map(token).join("") : "";
  return new DataError("DATA_BAD_EVENT", `event \`${String(kind)}\`: ${issue?.message ?? "does not fit"} at ${pointer || "/"}`, {
    place: { pointer },
  });
}
