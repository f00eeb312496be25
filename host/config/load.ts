/** The configuration: layers, highest first: flags, environment, the person's file, the system's file, defaults. */
import type { Json, JsonObject } from "#core/json.js";
import { formatPlace } from "#core/errors.js";
import { defaults } from "./defaults.js";
import { readConfigFile } from "./file.js";
import type { Home } from "./home.js";
import { ConfigError, formatIssue, type ConfigIssue } from "./issue.js";
import { flatten } from "./keys.js";
import {
  environmentLayer,
  flagLayer,
  type Environment,
  type Findings,
  type FlagSetting,
  type Layer,
  type LayerKind,
  type Setting,
} from "./layer.js";
import { isLooser, loosened, unlimitable } from "./limit.js";
import { SYSTEM_FILE } from "./places.js";
import { actedOn, type Config } from "./schema.js";

/** Which layer a value came from, and where in it: `file:line:column`, a variable, a flag; empty for a default. */
export interface Source {
  readonly layer: LayerKind | "policy" | "default";
  readonly where: string;
}

export interface ConfigPlace {
  readonly home: Home;
  readonly flags: readonly FlagSetting[];
  readonly env: Environment;
  /** What relative paths in flags and variables count from. */
  readonly cwd: string;
  /** `--config`: read in place of the home's own file, and must be there. */
  readonly file?: string | undefined;
  readonly systemFile?: string | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The home, with what the config moves (`kb.root_dir`). */
  readonly home: Home;
  /** By dotted key, for every key. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The system's hard limits by dotted key: what an opening or a flag must not loosen either. */
  readonly limits: ReadonlyMap<string, Json>;
  /** One line each. */
  readonly warnings: readonly string[];
  readonly files: { readonly user: string; readonly system: string };
}

/** Reads and merges all layers. Throws {@link ConfigError} with everything that is wrong in any of them. */
export function loadConfig(place: ConfigPlace): LoadedConfig {
  const { home, env, cwd } = place;
  const files = { user: place.file ?? home.configFile, system: place.systemFile ?? SYSTEM_FILE };
  const found: Findings = { issues: [], warnings: [] };
  const system = readConfigFile(files.system, { kind: "system", required: false }, env, found);
  const user = readConfigFile(files.user, { kind: "user", required: place.file !== undefined }, env, found);
  const layers = [flagLayer(place.flags, cwd, env, found), environmentLayer(env, cwd, found), user.layer, system.layer];
  found.issues.push(...unlimitable(system.policy), ...loosened(system.policy, layers));

  const merged = merge(layers, system.policy, defaults(home.kbRoot));
  found.issues.push(...unknownProviders(merged.config, merged.places));
  const [first, ...others] = found.issues;
  if (first) throw new ConfigError([first, ...others]);
  for (const settings of [...layers.map((layer) => layer.settings), system.policy])
    for (const [key, { place: where }] of settings)
      if (!actedOn.has(key)) found.warnings.push({ message: withoutEffect(key), place: where });
  return {
    config: merged.config,
    home: { ...home, kbRoot: merged.config.kb.root_dir },
    sources: merged.sources,
    limits: new Map([...system.policy].map(([key, { value }]) => [key, value])),
    warnings: found.warnings.map(formatIssue),
    files,
  };
}

/** Of a key that other settings have taken the place of, the warning says which: nobody should believe that they are protected. */
function withoutEffect(key: string): string {
  const instead: Readonly<Record<string, string>> = {
    "security.allow_unsigned_agents": "`run = false` under [strangers] in trust-policy.toml keeps them from running",
  };
  const place = instead[key];
  return `\`${key}\` has no effect in this version${place === undefined ? "" : `: ${place}`}`;
}

interface Merged {
  readonly config: Config;
  readonly sources: ReadonlyMap<string, Source>;
  readonly places: ReadonlyMap<string, Setting["place"]>;
}

/** Scalars and lists replace; sections merge key by key. */
function merge(layers: readonly Layer[], policy: ReadonlyMap<string, Setting>, fallback: Config): Merged {
  const sources = new Map<string, Source>();
  const places = new Map<string, Setting["place"]>();
  const config: Record<string, unknown> = {};
  for (const [key, value] of flatten(fallback as unknown as JsonObject)) {
    const layer = layers.find(({ settings }) => settings.has(key));
    const setting = layer?.settings.get(key);
    const limit = policy.get(key);
    if (layer && setting) {
      places.set(key, setting.place);
      sources.set(key, { layer: layer.kind, where: formatPlace(setting.place) });
      put(config, key, setting.value);
    } else if (limit && isLooser(policy, key, value)) {
      sources.set(key, { layer: "policy", where: formatPlace(limit.place) });
      put(config, key, limit.value);
    } else {
      sources.set(key, { layer: "default", where: "" });
      put(config, key, value);
    }
  }
  // Every leaf has been put, each value parsed by its own schema.
  return { config: config as unknown as Config, sources, places };
}

function put(into: Record<string, unknown>, key: string, value: Json): void {
  const parts = key.split(".");
  const last = parts.pop() ?? key;
  let section = into;
  for (const part of parts) section = (section[part] ??= {}) as Record<string, unknown>;
  section[last] = value;
}

/** Models are named `<provider>/<model>`: the provider must be there. `local` is built in and needs no entry. */
function unknownProviders(config: Config, places: Merged["places"]): ConfigIssue[] {
  const { providers, route } = config.models.broker;
  const issues: ConfigIssue[] = [];
  const names = new Set(["local", ...providers.map(({ name }) => name)]);
  const check = (model: string, key: string): void => {
    const [provider = ""] = model.split("/");
    if (names.has(provider)) return;
    issues.push({
      message: `\`${key}\`: there is no provider \`${provider}\``,
      place: places.get(key.replace(/\.\d.*$/, "")) ?? {},
      hint: `providers: ${[...names].join(", ")}; another one stands under \`models.broker.providers\``,
    });
  };
  check(config.models.default, "models.default");
  for (const [index, { use }] of route.entries()) check(use, `models.broker.route.${index}.use`);
  const seen = new Set<string>();
  for (const { name, kind } of providers) {
    if (seen.has(name) || (name === "local" && kind !== "local"))
      issues.push({
        message: seen.has(name) ? `two providers are called \`${name}\`` : "the name `local` belongs to the built-in provider",
        place: places.get("models.broker.providers") ?? {},
      });
    seen.add(name);
  }
  return issues;
}
