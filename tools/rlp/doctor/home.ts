/** Checks of the home: configuration, folders, databases, permissions of files, providers. Nothing is created, nobody is called. */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Home } from "#host/config/home.js";
import { ConfigError } from "#host/config/issue.js";
import type { LoadedConfig } from "#host/config/load.js";
import { formatPlace, RlpError } from "#core/errors.js";
import { isFolder } from "#core/folder.js";
import { bytes } from "../terminal/quantity.js";
import { broken, ok, reason, warning, type Finding } from "./finding.js";

/** `load` throws where the configuration is wrong. */
export async function checkConfig(
  load: () => Promise<LoadedConfig>,
): Promise<{ readonly findings: readonly Finding[]; readonly loaded: LoadedConfig | null }> {
  try {
    const loaded = await load();
    const found = [loaded.files.system, loaded.files.user].filter((file) => existsSync(file));
    const what = found.length === 0 ? "defaults only; no config file is there" : found.join(", ");
    const warnings = loaded.warnings.map((text) =>
      warning("config", text, "use the key's new name, or take it out where it has none"),
    );
    return { loaded, findings: [ok("config", what), ...warnings] };
  } catch (error) {
    if (!(error instanceof ConfigError)) return { loaded: null, findings: [broken("config", reason(error), hintOf(error))] };
    const findings = error.issues.map(({ message, place, hint }) =>
      broken(
        "config",
        `${message}, ${formatPlace(place)}`,
        hint ?? "correct the key; `rlp config path --all` lists the keys there are",
      ),
    );
    return { loaded: null, findings };
  }
}

function hintOf(error: unknown): string {
  return (error instanceof RlpError ? error.hint : undefined) ?? "`--debug` shows where this comes from";
}

/** Less than this, and a run may end with a full disk. */
const LITTLE = 256 << 20;

export function checkHome(home: Home): readonly Finding[] {
  if (!existsSync(home.root)) {
    const parent = nearestFolder(home.root);
    return writable(parent)
      ? [ok("home", `${home.root} is not there yet; the first run makes it`)]
      : [
          broken(
            "home",
            `${home.root} is not there, and ${parent} cannot be written to`,
            "name another folder with --home or RUNLOOP_HOME",
          ),
        ];
  }
  if (!statSync(home.root).isDirectory())
    return [broken("home", `${home.root} is not a folder`, "move it away, or name another folder with --home")];
  if (!writable(home.root))
    return [broken("home", `${home.root} cannot be written to`, `change its owner or its permissions: chmod u+rwx ${home.root}`)];
  const disk = statfsSync(home.root);
  const free = disk.bavail * disk.bsize;
  const space =
    free < LITTLE
      ? [warning("disk", `${bytes(free)} left on the disk of the home`, "free some space: a run that meets a full disk stops")]
      : [];
  return [ok("home", home.root), ...space, ...checkParts(home), ...checkPermissions(home)];
}

/** Bytes of the home's key. */
const KEY_BYTES = 32;

/** What lies in the home and is not what it should be. */
function checkParts(home: Home): readonly Finding[] {
  const folders = [home.kbRoot, home.cacheDir, home.outboxDir].filter((path) => existsSync(path) && !isFolder(path));
  const key = existsSync(home.keyFile) ? statSync(home.keyFile) : null;
  return [
    ...folders.map((path) => broken("home", `${path} is not a folder`, "move it away: it is made again where it is needed")),
    ...(key && (!key.isFile() || key.size !== KEY_BYTES)
      ? [broken("home", `${home.keyFile} is no key`, "remove it: a new one is made, and components are translated again")]
      : []),
  ];
}

function nearestFolder(path: string): string {
  const parent = dirname(path);
  return parent === path || existsSync(parent) ? parent : nearestFolder(parent);
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Mail, contacts and keys are nobody else's business: files 0600, folders 0700. Windows keeps its own lists. */
function checkPermissions(home: Home): readonly Finding[] {
  if (process.platform === "win32") return [];
  const folders = [home.root, home.kbRoot, home.cacheDir, home.outboxDir].filter((path) => existsSync(path));
  const files = [home.configFile, home.keyFile, ...filesOf(home.kbRoot), ...filesOf(home.outboxDir)].filter((path) =>
    existsSync(path),
  );
  const open = [...folders, ...files].filter((path) => (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0)
    return [ok("permissions", `${folders.length} folders and ${files.length} files are for their owner alone`)];
  return open.slice(0, 10).map((path) => {
    const mode = (statSync(path).mode & 0o777).toString(8);
    return warning("permissions", `others on this machine can get at ${path} (mode ${mode})`, `chmod go-rwx ${path}`);
  });
}

function filesOf(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

export async function checkLedger(home: Home): Promise<Finding> {
  const { openLedger } = await import("#kb/ledger/ledger.js");
  try {
    const ledger = await openLedger({ root: home.kbRoot, readonly: true });
    try {
      return ok(
        "knowledge base",
        `${ledger.watermark()} events, ${ledger.runs().length} runs; \`rlp kb verify\` checks every one`,
      );
    } finally {
      await ledger.close();
    }
  } catch (error) {
    if (error instanceof RlpError && error.code === "KB_NOT_FOUND")
      return ok("knowledge base", "none yet; the first run or `rlp kb ingest` makes it");
    return broken("knowledge base", reason(error), hintOf(error));
  }
}

/** Whether the variables are set, never what they hold. */
export function checkProviders({ config }: LoadedConfig, env: Readonly<Record<string, string | undefined>>): readonly Finding[] {
  const { default: model, broker } = config.models;
  const findings = broker.providers.map((provider) => {
    if (provider.kind === "local") return ok("models", "`local` fills templates; it is no language model");
    const { name, base_url, key_env } = provider;
    return key_env !== undefined && !env[key_env]
      ? warning("models", `\`${name}\` at ${base_url}: the environment variable ${key_env} is not set`, `export ${key_env}=…`)
      : ok("models", `\`${name}\` at ${base_url}${key_env === undefined ? ", without a key" : `, key from ${key_env}`}`);
  });
  return [...findings, ok("models", `default: ${model}`)];
}
