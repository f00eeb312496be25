/** `runloop:agent/kb`: the knowledge base as of the run's watermark, behind the grant's domains. */
import * as z from "zod";
import type { EventDraft } from "#core/events.js";
import { isJsonObject, parseJson, type Json, type JsonObject } from "#core/json.js";
import { DataError } from "#core/errors.js";
import type { Grant } from "#openings/agent.js";
import { mayRead, mayWrite, readableDomains, seesRawContacts } from "../capability/authorize.js";
import { CallFailure, refuse, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { maskAddress, maskAddresses } from "./mask.js";

export interface KbHit {
  readonly citation: string;
  readonly title: string;
  readonly text: string;
  readonly uri: string;
  readonly domain: string;
  readonly score: number;
}
export interface KbContact {
  readonly key: string;
  readonly name: string;
  readonly email: string;
  readonly org: string | null;
  readonly trust: number | null;
  /** How it fits: `email`, `name`, `word`, `part`, or `all` where nothing was asked for. */
  readonly match: string;
}
/** What this interface needs of the knowledge base; every read is as of the watermark that was bound at the run's start. */
export interface KbReader {
  search(
    words: string,
    options: { limit: number; kind: string | null; domains: true | readonly string[] },
  ): Promise<readonly KbHit[]>;
  contacts(match: string, limit: number): Promise<readonly KbContact[]>;
  /** An entity or a chunk with the domain it belongs to. */
  entity(key: string): Promise<{ readonly domain: string; readonly value: JsonObject } | null>;
  /**
   * Appends a record that an agent proposed; gives its row id. The draft's provenance names trace, node, attempt and the request:
   * where the host died between this row and the call's own, the row that is there already is found again and not repeated.
   */
  propose(draft: EventDraft): Promise<number>;
  readonly maskKey: string;
}

const searchArgs = z.tuple([
  z.string().max(4096),
  z.strictObject({ limit: z.int().min(1).max(100), kind: z.string().max(64), domain: z.string().max(64) }),
]);
const contactFilter = z.strictObject({
  kind: z.literal("contact"),
  match: z.string().max(512).default(""),
  limit: z.int().min(1).max(100).default(20),
});
const delta = z.strictObject({
  kind: z.enum(["note.added", "contact.upserted", "contact.retracted", "edge.asserted"]),
  payload: z.record(z.string(), z.unknown()),
  rationale: z.string().max(4096).default(""),
  citations: z.array(z.string().max(256)).max(64).default([]),
});
/** Which domain a proposed record belongs to. */
const domainOf = {
  "note.added": "notes",
  "contact.upserted": "contacts",
  "contact.retracted": "contacts",
  "edge.asserted": "edges",
} as const;

/** A chunk is handed over with at most this much text (WIT, `kb.hit`). */
const HIT_TEXT = 4096;

export function kbFunctions(kb: KbReader): HostFunctions {
  return new Map([
    [
      "kb.search",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const [query, options] = read(searchArgs, args);
        refuse(mayRead(context.grant, options.domain || null));
        const domains = options.domain ? [options.domain] : readableDomains(context.grant);
        const found = await kb.search(query, { limit: options.limit, kind: options.kind || null, domains });
        const hits = found.map((hit) => ({
          ...hit,
          // Masked before it is cut: half an address would not be known for one.
          text: masked(kb, context.grant, hit.text).slice(0, HIT_TEXT).toWellFormed(),
          title: masked(kb, context.grant, hit.title),
        }));
        return { answer: { ok: hits as unknown as Json }, labels: privateLabels(hits.map((hit) => hit.domain)) };
      },
    ],
    [
      "kb.get",
      async (context, args) => {
        const [key] = read(z.tuple([z.string().max(512)]), args);
        refuse(mayRead(context.grant, null));
        const found = await kb.entity(key);
        // An entity of a domain that is not granted looks like one that is not there: its existence is the domain's secret too.
        if (!found || mayRead(context.grant, found.domain)) return { answer: { ok: null }, labels: [] };
        const value = seesRawContacts(context.grant) ? found.value : maskValue(kb, found.value);
        return { answer: { ok: JSON.stringify(value) }, labels: privateLabels([found.domain]) };
      },
    ],
    [
      "kb.query",
      async (context, args) => {
        const [text] = read(z.tuple([z.string().max(65_536)]), args);
        const filter = readText(contactFilter, text);
        refuse(mayRead(context.grant, "contacts"));
        const raw = seesRawContacts(context.grant);
        const found = await kb.contacts(filter.match, filter.limit);
        const rows = found.map((contact) =>
          raw ? contact : { ...contact, key: "", email: maskAddress(contact.email, kb.maskKey) },
        );
        return { answer: { ok: JSON.stringify(rows) }, labels: privateLabels(rows.length > 0 ? ["contacts"] : []) };
      },
    ],
    [
      "kb.propose",
      async (context, args) => {
        const [text] = read(z.tuple([z.string().max(262_144)]), args);
        const proposed = readText(delta, text);
        refuse(mayWrite(context.grant, domainOf[proposed.kind]));
        try {
          const id = await kb.propose({
            kind: proposed.kind,
            level: "info",
            message: `${proposed.kind} proposed by ${context.node}`,
            meta: proposed.payload,
            actor: `agent:${context.agent.name}@${context.agent.version}`,
            scope: "user",
            provenance: {
              trace: context.traceId,
              node: context.node,
              attempt: context.attempt,
              agent: context.agent.digest,
              inputs: [context.requestHash],
              citations: proposed.citations,
              ...(proposed.rationale && { rationale: proposed.rationale }),
            },
          } as unknown as EventDraft);
          return { answer: { ok: id }, labels: [] };
        } catch (error) {
          if (error instanceof DataError) throw new CallFailure("invalid", error.message);
          throw error;
        }
      },
    ],
  ]);
}

const privateLabels = (domains: readonly string[]): string[] => [...new Set(domains)].sort().map((domain) => `private:${domain}`);

const masked = (kb: KbReader, grant: Grant, text: string): string =>
  seesRawContacts(grant) ? text : maskAddresses(text, kb.maskKey);

function maskValue(kb: KbReader, value: Json): Json {
  if (typeof value === "string") return maskAddresses(value, kb.maskKey);
  if (Array.isArray(value)) return value.map((item: Json) => maskValue(kb, item));
  if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskValue(kb, item)]));
  return value;
}

/** Arguments as the WIT types them. What does not fit is the guest's mistake, whatever its glue said. */
export function read<T>(schema: z.ZodType<T>, args: unknown): T {
  const result = schema.safeParse(args);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CallFailure("invalid", `argument ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "does not fit"}`);
}

export function readText<T>(schema: z.ZodType<T>, text: string): T {
  let value: Json;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new CallFailure("invalid", `the argument is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return read(schema, value);
}
