/** Reads a trace file whole, and refuses it at the first line that no rlp has written. */
import type * as z from "zod";
import { blake3, type Digest } from "#core/digest.js";
import { DataError, RlpError, UsageError } from "#core/errors.js";
import { LINE_BYTES, parseRunEvent, type RunEvent } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { isJsonObject, parseJson, type Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import { lineHash } from "#kb/ledger/row.js";
import type { RunReader } from "../run/ledger.js";
import { placeInRun } from "../run/place.js";
import { TraceError } from "./error.js";
import { agentLine, blobLine, rowsLine, sealLine, traceLimits, type AgentLine, type Seal, type Signature } from "./line.js";
import { linesOf, MADE_BY } from "./lines.js";
import { checkNames } from "./names.js";
import { Content } from "./seal.js";

/** A run from a file; with it the runs that it began itself, and the agents where they came along. */
export interface Trace extends RunReader {
  readonly file: string;
  readonly traceId: TraceId;
  readonly events: readonly RunEvent[];
  /** All runs of the file by their ids, the one that it is about first. */
  readonly runs: ReadonlyMap<TraceId, readonly RunEvent[]>;
  readonly agents: ReadonlyMap<string, AgentLine>;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  /** How many events stand with the ledger's own chain. */
  readonly chained: number;
  /** null: a file of a version that wrote none, or what a run had printed. */
  readonly seal: { readonly seal: Seal; readonly signature: Signature | null } | null;
}

/**
 * Everything in it is held against its digests; a file that has a seal is held against that. Wrong lines are errors with their number:
 * `USAGE` where the file is none at all, else `TRACE_DAMAGED`.
 */
export async function readTrace(file: string): Promise<Trace> {
  const reading = new Reading(file, new Content());
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    try {
      reading.take(line);
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      throw reading.refused(error, number);
    }
  }
  return reading.end(number);
}

class Reading {
  readonly #runs = new Map<TraceId, RunEvent[]>();
  readonly #agents = new Map<string, AgentLine>();
  readonly #blobs = new Map<Digest, Uint8Array>();
  #first: TraceId | null = null;
  #events = 0;
  #chained = 0;
  /** Of the last row that was read: the next one follows it, where no other run's stands between. */
  #row: { readonly id: number; readonly hash: Digest } | null = null;
  #seal: Trace["seal"] = null;
  #past: "events" | "others" = "events";

  constructor(
    private readonly file: string,
    private readonly content: Content,
  ) {}

  take(line: string): void {
    if (line.trim() === "") return this.content.line(line);
    if (this.#seal) refuse("something stands after the seal");
    const isBlob = line.startsWith('{"blob":');
    const bytes = isBlob ? traceLimits.blobLine : traceLimits.line;
    const value = parseJson(line, { bytes, depth: 128, elements: 1_000_000 });
    if (!isJsonObject(value)) refuse("a line is no object");
    if ("seal" in value) return this.#sealed(value);
    this.content.line(line);
    if ("kind" in value) return this.#event(line, value);
    this.#past = "others";
    if (this.#events === 0) refuse("it does not begin with an event");
    if ("blob" in value) return this.#blob(value);
    if ("rows" in value) return this.#rows(value);
    if ("agent" in value) return this.#agent(value);
    refuse(`a line of a kind that this version does not know (\`${visibleLine(Object.keys(value)[0] ?? "{}").slice(0, 40)}\`)`);
  }

  #event(line: string, value: Json): void {
    if (line.length > LINE_BYTES) refuse(`an event is longer than ${LINE_BYTES} bytes`);
    if (this.#past !== "events") refuse("an event stands behind what belongs after all of them");
    const event = parseRunEvent(value);
    checkNames(event);
    const run = this.#runs.get(event.trace_id) ?? [];
    const [first = event] = run;
    if (event.opening_id !== first.opening_id || event.run_id !== event.trace_id)
      refuse(`event ${event.seq} belongs to another opening or run than it says`);
    if (run.length === 0) this.#begins(event);
    else if ([...this.#runs.keys()].at(-1) !== event.trace_id)
      refuse(`event ${event.seq} of ${event.trace_id} stands apart from its run`);
    if (event.seq !== run.length) refuse(`seq ${event.seq} stands in the place of seq ${run.length}`);
    run.push(event);
    this.#runs.set(event.trace_id, run);
    this.#events++;
  }

  /** The first run is what the file is about; another one is there because a run before it began it. */
  #begins(event: RunEvent): void {
    if (this.#first === null) {
      this.#first = event.trace_id;
      return;
    }
    const parent = event.kind === "run.started" ? event.meta.parent : undefined;
    if (!parent || !this.#runs.has(parent.trace))
      throw new DataError("DATA_BAD_EVENT", `the file mixes ${this.#first} with ${event.trace_id}`, {
        hint: "a trace file holds one run, and those that it began",
      });
  }

  #blob(value: Json): void {
    const { blob, base64 } = parsed(blobLine, value, "a blob line is `{blob, media_type, base64}`");
    const bytes = Buffer.from(base64, "base64");
    if (bytes.toString("base64") !== base64) refuse("the blob is not in base64");
    const digest = blake3(bytes);
    if (digest !== blob) refuse(`the blob ${blob} has the digest ${digest}`);
    if (this.#blobs.has(digest)) refuse(`the blob ${digest} stands there twice`);
    this.#blobs.set(digest, bytes);
  }

  #rows(value: Json): void {
    const { rows } = parsed(rowsLine, value, "a line of rows is `{trace_id, from, rows}`");
    const events = this.#runs.get(rows.trace_id as TraceId);
    for (const [index, [id, actor, scope, provenance, prev_hash, hash]] of rows.rows.entries()) {
      const event = events?.[rows.from + index];
      if (!event) refuse(`rows name an event ${rows.from + index} that is not there`);
      if (lineHash({ ...event, id, actor, scope, provenance, prev_hash, hash }) !== hash)
        refuse(`event ${event.seq}${placeOf(event)} is not the row ${id} of the ledger that it came from: its hash is another`);
      if (this.#row && this.#row.id === id - 1 && this.#row.hash !== prev_hash)
        refuse(`row ${id} does not follow row ${id - 1} of the ledger that it came from`);
      this.#row = { id, hash };
      this.#chained++;
    }
  }

  #agent(value: Json): void {
    const { agent } = parsed(agentLine, value, "an agent's line is `{name, component, files}`");
    if (this.#agents.has(agent.name)) refuse(`the agent \`${agent.name}\` stands there twice`);
    if (this.#agents.size >= traceLimits.agents) refuse(`there are more than ${traceLimits.agents} agents`);
    this.#agents.set(agent.name, agent);
  }

  #sealed(value: Json): void {
    const { seal, signature = null } = parsed(sealLine, value, "a seal is `{seal, signature?}`");
    const found: Seal = {
      version: 1,
      trace_id: this.#first ?? "",
      runs: this.#runs.size,
      events: this.#events,
      agents: this.#agents.size,
      blobs: this.#blobs.size,
      content: this.content.digest(),
    };
    const wrong = (Object.keys(found) as (keyof Seal)[]).find((key) => found[key] !== seal[key]);
    if (wrong) refuse(`the seal says ${wrong} ${visibleLine(String(seal[wrong]))}, and it is ${found[wrong]}`);
    this.#seal = { seal, signature };
  }

  refused(error: RlpError, line: number): RlpError {
    const place = { ...error.place, file: this.file, line };
    if (this.#events === 0)
      return new UsageError("USAGE", `this is no trace file: ${error.message}`, { place, cause: error, hint: MADE_BY });
    return new TraceError("TRACE_DAMAGED", error.message, { place, cause: error, ...(error.hint && { hint: error.hint }) });
  }

  end(line: number): Trace {
    const { file } = this;
    const traceId = this.#first;
    const events = traceId === null ? [] : (this.#runs.get(traceId) ?? []);
    const last = events.at(-1);
    if (traceId === null || !last)
      throw new UsageError("USAGE", "the trace file holds no events", { place: { file }, hint: MADE_BY });
    if (!this.#seal && last.kind !== "run.finished" && last.kind !== "run.parked")
      throw new TraceError("TRACE_DAMAGED", `the file ends in the middle of the run, after event ${last.seq} (${last.kind})`, {
        place: { file, line },
        hint: "it was cut off, or is what a run had printed when it was killed; `rlp replay <trace>` goes as far as the ledger does",
      });
    for (const [name, { files, component }] of this.#agents)
      for (const digest of [component, ...Object.values(files)])
        if (!this.#blobs.has(digest))
          throw new TraceError("TRACE_DAMAGED", `the file does not hold ${digest}, which the agent \`${name}\` consists of`, {
            place: { file },
          });
    const blobs = this.#blobs;
    return {
      file,
      traceId,
      events,
      runs: this.#runs,
      agents: this.#agents,
      blobs,
      chained: this.#chained,
      seal: this.#seal,
      runEvents: (id, fromSeq = 0) => (this.#runs.get(id) ?? []).slice(fromSeq),
      blob(digest) {
        const bytes = blobs.get(digest);
        if (!bytes) throw new DataError("DATA_BAD_EVENT", `the file does not hold the blob ${digest}`, { place: { file } });
        return bytes;
      },
    };
  }
}

function parsed<T>(form: z.ZodType<T>, value: Json, what: string): T {
  const result = form.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue ? ` (${issue.message} at /${issue.path.map(String).join("/").slice(0, 120)})` : "";
  return refuse(`${what}${visibleLine(at)}`);
}

function refuse(message: string): never {
  throw new DataError("DATA_BAD_EVENT", message);
}

/** ` (node draft, attempt 1, call 2)`, as far as the event says so: a reader looks for what happened there, not for a number. */
function placeOf({ meta }: RunEvent): string {
  if (!("node" in meta) || meta.node === undefined) return "";
  return ` (${placeInRun(meta.node, "attempt" in meta ? meta.attempt : null, "call_seq" in meta ? meta.call_seq : null)})`;
}
