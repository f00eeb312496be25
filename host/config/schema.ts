/** The keys of `config.yaml` (version 1) and their defaults. */
import * as z from "zod";
import { commandTools } from "../toolbox/configured.js";
import { limitNames, limitTable, type LimitName } from "../limits/table.js";

const text = z.string().min(1).max(4096);
const path = text.refine((value) => !value.includes("\0"), "a path cannot hold a NUL character");
const count = z.int().nonnegative();
const positive = z.int().positive();
const name = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "a name is lower-case letters, digits, `_` and `-`, a letter first");

/** `<provider>/<model>`; the model's own name may hold further slashes. */
export const modelName = z.string().regex(/^[a-z][a-z0-9_-]{0,63}\/\S{1,256}$/, "a model is named `<provider>/<model>`");

const baseUrl = z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).refine((value) => {
  const url = URL.parse(value);
  return url !== null && url.username === "" && url.password === "";
}, "holds a user name or password; name an environment variable with `key_env` instead");

/** Only ever the name of a variable: a key in a file would end up in back-ups and bug reports. The message never shows the value. */
const keyEnv = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]{0,127}$/, "is the name of an environment variable (capitals, digits, `_`), not the key itself");

const price = z.number().min(0).max(1_000_000);

const provider = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ name, kind: z.literal("local"), models: z.array(text).optional() }),
    z.strictObject({
      name,
      kind: z.literal("openai-compatible"),
      base_url: baseUrl,
      key_env: keyEnv.optional(),
      models: z.array(text).optional(),
      /** One request, in milliseconds. */
      timeout_ms: positive.max(3_600_000).optional(),
      max_retries: count.max(10).optional(),
      /** Model (or a pattern of models) → dollars for a million tokens. */
      prices: z.record(text, z.strictObject({ input: price, output: price })).optional(),
    }),
  ],
  { error: "`kind` is `local` or `openai-compatible`" },
);

/** Every key of a layer may be missing; {@link Config} has them all. */
function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}

/** An operator's ceiling. Beyond what any manifest may ask for it would say nothing. */
const ceilings = Object.fromEntries(limitNames.map((name) => [name, positive.max(limitTable[name].most).nullable()])) as Record<
  LimitName,
  z.ZodNullable<z.ZodInt>
>;

const keys = {
  version: z.literal(1),
  runtime: section({
    socket_path: path.nullable(),
    sockets_dir: path.nullable(),
    workdir: path.nullable(),
    max_agents: positive.max(8000),
    workers: positive.max(256),
    isolation: z.enum(["strongest", "bubblewrap", "namespaces", "reduced"]),
  }),
  models: section({
    default: modelName,
    broker: section({
      providers: z.array(provider).max(64),
      route: z.array(z.strictObject({ match: text, use: modelName })).max(256),
      cache: section({ ttl_ms: count, capacity: count }),
      budgets: section({
        default_tokens: count.nullable(),
        per_request_tokens_cap: positive.nullable(),
        hard_cap_usd: z.number().nonnegative().nullable(),
      }),
    }),
  }),
  kb: section({
    root_dir: path,
    events_db: path,
    view_db: path,
    /** The built-in one, or a model that makes embeddings. */
    embedder: text.regex(/^(?:hashed-ngrams|[a-z][a-z0-9_-]{0,63}\/\S{1,256})$/, "is `hashed-ngrams` or `<provider>/<model>`"),
    redaction: z.boolean(),
    /** What the knowledge base may take on the disk; null: what there is. */
    quota_mib: positive.nullable(),
  }),
  logging: section({
    level: z.enum(["trace", "debug", "info", "warn", "error"]),
    format: z.enum(["text", "json"]),
    file: path.nullable(),
  }),
  observability: section({
    traces: section({ enabled: z.boolean(), otlp_endpoint: baseUrl.nullable(), sampling: z.number().min(0).max(1) }),
    metrics_interval_ms: positive,
  }),
  security: section({
    /** Whether openings ask before an external action unless they say otherwise themselves. */
    confirm_external_actions: z.boolean(),
    allow_unsigned_agents: z.boolean(),
    caps: section({ audit_on_allow: z.boolean(), audit_on_deny: z.boolean() }),
    /** `env`: variables of the environment. The others are names of later versions. */
    secrets: section({ provider: z.enum(["env", "keyring", "age"]), root: path.nullable() }),
  }),
  router: section({
    fastpath_shell: z.boolean(),
    default_opening: text.nullable(),
    allowlist: z.array(text),
    denylist: z.array(text),
    known_commands: z.array(text),
  }),
  bus: section({
    queue_frames: positive,
    publish_wait_ms: count,
    dedupe_entries: positive,
    body_limit_bytes: positive,
  }),
  /** What agents get at most, whatever their manifests ask for; and how many guests live at once. */
  limits: section({
    ...ceilings,
    instances: positive.max(1_000_000),
    instances_per_process: positive.max(16_000),
    processes: positive.max(1024),
  }),
  /** Commands of this machine that agents may be given. */
  tools: section({ commands: commandTools }),
  agents: section({ search_dirs: z.array(path) }),
  openings: section({ search_dirs: z.array(path) }),
  ui: section({ theme: z.enum(["mono", "dark", "light"]) }),
};

/** One layer: any part of the keys. */
export const layerSchema = z.strictObject(keys).partial();
export type ConfigLayer = z.infer<typeof layerSchema>;

type Filled<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]-?: Filled<Exclude<T[K], undefined>> }
    : T;

/** All layers merged: every key has a value. Paths are absolute. */
export type Config = Filled<ConfigLayer>;
export type Provider = z.infer<typeof provider>;

/** Keys whose value is a path (or a list of paths): relative ones count from the folder of the file that names them. */
export const pathKeys: readonly string[] = [
  "runtime.socket_path",
  "runtime.sockets_dir",
  "runtime.workdir",
  "kb.root_dir",
  "logging.file",
  "security.secrets.root",
  "agents.search_dirs",
  "openings.search_dirs",
];

/** Runloop's older names, and what they are called now. */
export const aliases: Readonly<Record<string, string>> = { "kb.ledger": "kb.events_db", "kb.materialized": "kb.view_db" };

/**
 * Keys that this version acts on. The others are accepted, so that one file serves later versions too, but never silently: setting one
 * gives a warning.
 */
export const actedOn: ReadonlySet<string> = new Set([
  "version",
  "runtime.max_agents",
  "runtime.isolation",
  "models.default",
  "models.broker.providers",
  "models.broker.route",
  "kb.root_dir",
  "kb.embedder",
  "kb.quota_mib",
  "security.confirm_external_actions",
  "agents.search_dirs",
  ...limitNames.map((name) => `limits.${name}`),
  "limits.instances",
  "limits.instances_per_process",
  "limits.processes",
  "tools.commands",
]);
