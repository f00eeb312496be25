/**
 * What holds where nobody has set anything. A home without a configuration is read from here alone: loading the schema and YAML takes
 * longer than many a command.
 */
import { existsSync } from "node:fs";
import { limitNames, type LimitName } from "../limits/table.js";
import { ENVIRONMENT_PREFIX, SYSTEM_FILE } from "./places.js";
import type { ConfigPlace, LoadedConfig, Source } from "./load.js";
import type { Config } from "./schema.js";

export const BUILT_IN_EMBEDDER = "hashed-ngrams";

/** What holds where no layer says otherwise. `kbRoot` is the home's own. */
export function defaults(kbRoot: string): Config {
  return {
    version: 1,
    runtime: { socket_path: null, sockets_dir: null, workdir: null, max_agents: 64, workers: 1, isolation: "strongest" },
    models: {
      default: "local/template",
      broker: {
        providers: [{ name: "local", kind: "local" }],
        route: [],
        cache: { ttl_ms: 0, capacity: 0 },
        budgets: { default_tokens: null, per_request_tokens_cap: null, hard_cap_usd: null },
      },
    },
    kb: {
      root_dir: kbRoot,
      events_db: "events.sqlite",
      view_db: "pog.sqlite",
      embedder: BUILT_IN_EMBEDDER,
      redaction: true,
      quota_mib: null,
    },
    logging: { level: "info", format: "text", file: null },
    observability: { traces: { enabled: false, otlp_endpoint: null, sampling: 1 }, metrics_interval_ms: 1000 },
    security: {
      confirm_external_actions: true,
      allow_unsigned_agents: false,
      caps: { audit_on_allow: false, audit_on_deny: true },
      secrets: { provider: "env", root: null },
    },
    router: { fastpath_shell: true, default_opening: null, allowlist: [], denylist: [], known_commands: [] },
    bus: { queue_frames: 1024, publish_wait_ms: 50, dedupe_entries: 65_536, body_limit_bytes: 8 << 20 },
    limits: {
      ...(Object.fromEntries(limitNames.map((name) => [name, null])) as Record<LimitName, null>),
      instances: 16_000,
      instances_per_process: 8000,
      processes: 16,
    },
    tools: { commands: [] },
    agents: { search_dirs: [] },
    openings: { search_dirs: [] },
    ui: { theme: "mono" },
  };
}

/** The configuration of a home for which no file, variable or flag says anything; null where one may. */
export function unsetConfig({ home, flags, env, file, systemFile = SYSTEM_FILE }: ConfigPlace): LoadedConfig | null {
  const files = { user: file ?? home.configFile, system: systemFile };
  const set =
    file !== undefined ||
    flags.length > 0 ||
    Object.keys(env).some((name) => name.startsWith(ENVIRONMENT_PREFIX)) ||
    existsSync(files.user) ||
    existsSync(files.system);
  if (set) return null;
  const config = defaults(home.kbRoot);
  const sources = new Map<string, Source>();
  for (const key of keysOf(config)) sources.set(key, { layer: "default", where: "" });
  return { config, home, sources, limits: new Map(), warnings: [], files };
}

function keysOf(section: object, prefix = ""): readonly string[] {
  return Object.entries(section).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? keysOf(value, `${prefix}${key}.`) : [prefix + key],
  );
}
