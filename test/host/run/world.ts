/** An executor with a real journal in memory, real host functions, and a guest that is a function: what the sandbox would do, scripted. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import { newOpeningId, newTraceId, type NodeId } from "#core/ids.js";
import { canonicalJson, parseJson, type Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import { noGrant, type AgentInterface, type Grant } from "#openings/agent.js";
import type { AttemptSpec, Journal, RecordedAttempt } from "#openings/engine/world.js";
import { nothingRecorded } from "#openings/engine/world.js";
import { inputsHash } from "#openings/journal/hash.js";
import { Recordings } from "#openings/journal/recorded.js";
import { schemaRegistry } from "#openings/types/registry.js";
import type { Admitted, GuestEnd, GuestHooks, GuestSpec, Sandbox } from "#host/component/contract.js";
import type { HostFunctions } from "#host/imports/interface.js";
import { AgentExecutor, type LoadedAgent } from "#host/run/executor.js";
import { realClock } from "#host/run/session.js";

export const node = "ask" as NodeId;
export const traceId = newTraceId();
const openingId = newOpeningId();

/** Durable at once; keeps what was appended, and what was appended together. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[] = [];
  readonly batches: (readonly RunEventDraft[])[] = [];
  private readonly blobs = new Map<Digest, string>();

  async append(drafts: readonly RunEventDraft[]): Promise<readonly RunEvent[]> {
    this.batches.push(drafts);
    const placed = drafts.map((draft, index) => {
      const { kind, level, message, meta } = draft;
      const seq = this.events.length + index;
      return {
        v: 1,
        seq,
        ts_ms: 1000 + seq,
        trace_id: traceId,
        opening_id: openingId,
        run_id: traceId,
        kind,
        level,
        message,
        meta,
      };
    }) as unknown as RunEvent[];
    this.events.push(...placed);
    return placed;
  }
  async write(drafts: readonly RunEventDraft[]): Promise<void> {
    await this.append(drafts);
  }
  store(value: Json): StoredValue {
    return { value };
  }
  keep(value: Json): Digest {
    const text = canonicalJson(value);
    const digest = blake3(text);
    this.blobs.set(digest, text);
    return digest;
  }
  load(stored: StoredValue): Json {
    return "value" in stored ? stored.value : parseJson(this.blobs.get(stored.blob) ?? "");
  }
  kinds(): string[] {
    return this.events.map((event) => event.kind);
  }
}

export function agent(grant: Partial<Grant> = {}, face: Partial<AgentInterface> = {}): LoadedAgent {
  const full = { ...noGrant, ...grant };
  return {
    face: {
      name: "asker",
      version: "0.1.0",
      description: "",
      digest: blake3("component"),
      inputs: {},
      outputs: { out: { types: ["text.v1"], required: false } },
      withSchema: null,
      grant: full,
      imports: ["runloop:agent/kb@0.1.0"],
      optionalImports: [],
      limits: { memory_mib: 64, fuel: 1e9, wall_ms: 60_000 },
      schemas: {},
      ...face,
    },
    grant: full,
    component: {} as Admitted,
  };
}

export type Guest = (spec: GuestSpec, hooks: GuestHooks, signal: AbortSignal) => Promise<GuestEnd>;
export const costs = { fuel: 10, peakMemoryBytes: 65_536, localHash: "0".repeat(64), state: {} };
export const says = (body: Json, port = "out", type = "text.v1"): GuestEnd => ({
  kind: "ok",
  outputs: [{ port, type, body: JSON.stringify(body) }],
  ...costs,
});

/** Executes one attempt; `recorded` is what a journal held before. */
export async function attempt(options: {
  readonly guests: readonly Guest[];
  readonly functions?: HostFunctions;
  readonly agent?: LoadedAgent;
  readonly journal?: MemoryJournal;
  readonly recorded?: RecordedAttempt;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}) {
  const journal = options.journal ?? new MemoryJournal();
  const left = [...options.guests];
  const specs: GuestSpec[] = [];
  const sandbox: Sandbox = {
    close: async () => {},
    run: async (spec, hooks, signal) => {
      specs.push(spec);
      const guest = left.length > 1 ? left.shift() : left[0];
      try {
        return await (guest as Guest)(spec, hooks, signal);
      } catch (error) {
        // As a sandbox process does it: a call that cannot be answered ends the guest.
        if (signal.aborted) return { kind: "cancelled", ...costs };
        return { kind: "failed", failure: { code: "host.component", message: String(error), retryable: false }, ...costs };
      }
    },
  };
  const executor = new AgentExecutor({
    traceId,
    agentOf: () => options.agent ?? agent(),
    types: schemaRegistry({}),
    sandbox,
    journal,
    clock: realClock,
    functions: options.functions ?? new Map(),
  });
  const spec: AttemptSpec = {
    node,
    agent: "asker",
    opening: null,
    attempt: 1,
    with: {},
    inputs: [],
    inputsHash: inputsHash([], {}),
    seed: blake3("seed"),
    epochMs: 0,
    state: {},
    timeoutMs: options.timeoutMs ?? null,
    recorded: options.recorded ?? nothingRecorded,
  };
  const end = await executor.execute(spec, options.signal ?? new AbortController().signal);
  return { end, journal, specs };
}

/** What the journal holds of the attempt, as a resumed run would be given it. */
export function recordedIn(journal: MemoryJournal): RecordedAttempt {
  const begun = {
    v: 1,
    seq: 0,
    ts_ms: 0,
    trace_id: traceId,
    opening_id: openingId,
    run_id: traceId,
    kind: "node.started",
    level: "info",
    message: "",
    meta: { node, agent: "asker", attempt: 1, inputs_hash: blake3("x") },
  } as RunEvent;
  return new Recordings([begun, ...journal.events]).of(node, 1);
}
