/** `runloop:agent/kb`: the knowledge base as of the run's watermark, behind the grant's domains. */
import * as z from "zod";
import type { EventDraft } from "#core/events.js";
import { isJsonObject, parseJson, type Json, type JsonObject } from "#core/json.js";
import { DataError } from "#core/errors.js";
import { CONTACT_DOMAIN } from "#kb/documents/domains.js";
import type { Grant } from "#openings/agent.js";
import { mayRead, mayWrite, readableDomains, seesRawContacts } from "../capability/authorize.js";
import { CallFailure, refuse, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { maskAddress, maskAddresses } from "./mask.js";

export interface KbHit {
  readonly citation: string;
  readonly title: string;
  readonly text: string;
  readonly snippet: string;
  readonly uri: string;
  readonly domain: string;
  readonly kind: string;
  readonly score: number;
  readonly ranks: { readonly words: number | null; readonly vectors: number | null };
  /** Who brought it, and what that was made from. */
  readonly origin: { readonly actor: string; readonly citations: readonly string[]; readonly inputs: readonly string[] };
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
export interface KbDocument {
  readonly key: string;
  readonly uri: string;
  readonly title: string;
  readonly kind: string;
  readonly domain: string;
  readonly mediaType: string;
  readonly tags: readonly string[];
  readonly chunks: number;
  readonly maker: string;
}
type Domains = true | readonly string[];

export interface KbSearchOptions {
  readonly limit: number;
  readonly domains: Domains;
  /** Whether what stands in e-mail addresses can be found. */
  readonly addresses: boolean;
  readonly mode?: "hybrid" | "words" | "vectors";
  readonly kind?: string;
  readonly agent?: string;
  readonly confirmed?: boolean;
  readonly since?: number;
  readonly until?: number;
}

/**
 * What this interface needs of the knowledge base; every read is as of the watermark that was bound at the run's start, and is told
 * whose domains it may touch: what is not granted is left alone, not left out afterwards.
 */
export interface KbReader {
  search(words: string, options: KbSearchOptions): Promise<readonly KbHit[]>;
  contacts(query: { readonly match: string; readonly limit: number; readonly addresses: boolean }): Promise<readonly KbContact[]>;
  documents(query: {
    readonly match: string;
    readonly limit: number;
    readonly domains: Domains;
    readonly agent?: string;
  }): Promise<readonly KbDocument[]>;
  /** An entity or a chunk with the domain it belongs to. */
  entity(key: string, domains: Domains): Promise<{ readonly domain: string; readonly value: JsonObject } | null>;
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
const limit = z.int().min(1).max(100).default(20);
const name = z.string().max(64);
const filter = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("contact"), match: z.string().max(512).default(""), limit }),
  z.strictObject({
    kind: z.literal("document"),
    match: z.string().max(512).default(""),
    domain: name.optional(),
    agent: name.optional(),
    limit,
  }),
  z.strictObject({
    kind: z.literal("search"),
    query: z.string().max(4096),
    mode: z.enum(["hybrid", "words", "vectors"]).default("hybrid"),
    of: z.enum(["document", "note", "artifact"]).optional(),
    domain: name.optional(),
    agent: name.optional(),
    confirmed: z.boolean().default(false),
    since: z.int().nonnegative().optional(),
    until: z.int().nonnegative().optional(),
    limit,
  }),
]);
type Filter = z.infer<typeof filter>;
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

/** Rows of a typed query, and an entity, as JSON: more than this is refused, and the agent is told to ask for less. */
const ANSWER_LENGTH = 131_072;

export function kbFunctions(kb: KbReader): HostFunctions {
  /** What a search finds, as this grant may see it. */
  async function search(
    { grant }: CallContext,
    words: string,
    domain: string | undefined,
    options: Omit<KbSearchOptions, "domains" | "addresses">,
  ): Promise<readonly KbHit[]> {
    refuse(mayRead(grant, domain ?? null));
    const domains = domain === undefined ? readableDomains(grant) : [domain];
    const found = await kb.search(words, { ...options, domains, addresses: seesRawContacts(grant) });
    return found.map((hit) => ({
      ...hit,
      // Masked before it is cut: half an address would not be known for one.
      text: masked(kb, grant, hit.text).slice(0, HIT_TEXT).toWellFormed(),
      snippet: masked(kb, grant, hit.snippet),
      title: masked(kb, grant, hit.title),
      uri: masked(kb, grant, hit.uri),
    }));
  }

  async function rows(
    context: CallContext,
    asked: Filter,
  ): Promise<{ readonly rows: readonly object[]; readonly domains: string[] }> {
    const { grant } = context;
    switch (asked.kind) {
      case "contact": {
        refuse(mayRead(grant, CONTACT_DOMAIN));
        const raw = seesRawContacts(grant);
        const found = await kb.contacts({ match: asked.match, limit: asked.limit, addresses: raw });
        const shown = found.map((contact) =>
          raw ? contact : { ...contact, key: "", email: maskAddress(contact.email, kb.maskKey) },
        );
        return { rows: shown, domains: shown.length > 0 ? [CONTACT_DOMAIN] : [] };
      }
      case "document": {
        const { match, domain, agent } = asked;
        refuse(mayRead(grant, domain ?? null));
        const domains = domain === undefined ? readableDomains(grant) : [domain];
        const found = await kb.documents({ match, domains, limit: asked.limit, ...(agent !== undefined && { agent }) });
        const shown = seesRawContacts(grant) ? found : (maskValue(kb, found as unknown as Json) as unknown as KbDocument[]);
        return { rows: shown, domains: found.map((document) => document.domain) };
      }
      case "search": {
        const { query, domain, of, kind: _, ...options } = asked;
        const hits = await search(context, query, domain, {
          ...options,
          ...(of !== undefined && { kind: of }),
        } as KbSearchOptions);
        return { rows: hits, domains: hits.map((hit) => hit.domain) };
      }
    }
  }

  return new Map([
    [
      "kb.search",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const [query, { limit, kind, domain }] = read(searchArgs, args);
        const found = await search(context, query, domain || undefined, { limit, ...(kind && { kind }) });
        const hits = found.map(({ citation, title, text, uri, domain, score }) => ({
          citation,
          title,
          text,
          uri,
          domain,
          score,
        }));
        return { answer: { ok: hits as unknown as Json }, labels: privateLabels(hits.map((hit) => hit.domain)) };
      },
    ],
    [
      "kb.get",
      async (context, args) => {
        const [key] = read(z.tuple([z.string().max(512)]), args);
        refuse(mayRead(context.grant, null));
        const found = await readable(kb, context.grant, key);
        // An entity of a domain that is not granted looks like one that is not there: its existence is the domain's secret too.
        if (!found) return { answer: { ok: null }, labels: [] };
        const value = seesRawContacts(context.grant) ? found.value : maskValue(kb, found.value);
        return { answer: { ok: bounded(value) }, labels: privateLabels([found.domain]) };
      },
    ],
    [
      "kb.query",
      async (context, args) => {
        const [text] = read(z.tuple([z.string().max(65_536)]), args);
        const found = await rows(context, readText(filter, text));
        return { answer: { ok: bounded(found.rows as unknown as Json) }, labels: privateLabels(found.domains) };
      },
    ],
    [
      "kb.propose",
      async (context, args) => {
        const [text] = read(z.tuple([z.string().max(262_144)]), args);
        const proposed = readText(delta, text);
        refuse(mayWrite(context.grant, domainOf[proposed.kind]));
        for (const cited of proposed.citations)
          // The same words whether it is not there or not granted.
          if (!(await readable(kb, context.grant, cited)))
            throw new CallFailure("invalid", `the citation \`${cited.slice(0, 100)}\` is nothing that this agent can read`);
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

/** An entity that the grant may see. Who sees addresses masked has no contact's key, and must not try out addresses by theirs. */
async function readable(kb: KbReader, grant: Grant, key: string): Promise<Awaited<ReturnType<KbReader["entity"]>>> {
  if (mayRead(grant, null)) return null;
  if (key.startsWith("contact:") && !seesRawContacts(grant)) return null;
  const found = await kb.entity(key, readableDomains(grant));
  return found && !mayRead(grant, found.domain) ? found : null;
}

function bounded(value: Json): string {
  const text = JSON.stringify(value);
  if (text.length > ANSWER_LENGTH)
    throw new CallFailure(
      "invalid",
      `the answer would have ${text.length} characters, ${ANSWER_LENGTH} are the most: ask for fewer rows`,
    );
  return text;
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
