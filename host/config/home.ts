/** Where a person's runs, knowledge base and settings live. */
import { join, resolve } from "node:path";
import { UsageError } from "#core/errors.js";

/** Absolute paths below one folder. Nothing here says that they exist: whoever opens a home makes what is missing, mode 0700. */
export interface Home {
  readonly root: string;
  readonly configFile: string;
  /** `events.sqlite` and `pog.sqlite`; `kb.root_dir` in the config moves it. */
  readonly kbRoot: string;
  /** Admitted components, by digest. */
  readonly cacheDir: string;
  /** Agents that were installed, one folder each. */
  readonly agentsDir: string;
  /** What an operator takes from agents of this home: `<name>.caps`. */
  readonly overridesDir: string;
  /** Which keys may bring agents into this home, and with which capabilities. */
  readonly trustPolicyFile: string;
  /** The highest versions that were installed, by agent: they outlive the agents. */
  readonly versionsDir: string;
  /** Keys to sign with, and the list of keys that are known. */
  readonly keysDir: string;
  /** Runs that came from elsewhere, as the files they came in. */
  readonly tracesDir: string;
  /** Notes of the last rows of ledgers: whoever changes a ledger must not be able to change these with it. */
  readonly headsDir: string;
  /** Backups of the knowledge base, one folder each. */
  readonly backupsDir: string;
  /** Mail that was approved, as `.eml` files. */
  readonly outboxDir: string;
  /** The home's own secret, 32 bytes, mode 0600: authenticates the cache's index. */
  readonly keyFile: string;
  /** Whether the folder was named by a person (`--home`, `RUNLOOP_HOME`) and so must be named again in commands to paste. */
  readonly named: boolean;
}

export interface HomePlace {
  /** `--home`. */
  readonly flag?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths count from. */
  readonly cwd: string;
}

/** `--home`, else `RUNLOOP_HOME`, else `~/.runloop`. Throws `USAGE_CONFIG` where none of them says anything. */
export function locateHome({ flag, env, cwd }: HomePlace): Home {
  if (flag === "") throw new UsageError("USAGE_CONFIG", "--home is empty", { hint: "name a folder: `--home ~/.runloop`" });
  const named = flag ?? (env["RUNLOOP_HOME"] || undefined);
  if (named !== undefined) return homeAt(resolve(cwd, expandTilde(named, env)), true);
  const user = userFolder(env);
  if (user === undefined)
    throw new UsageError("USAGE_CONFIG", "there is no place for a home: neither RUNLOOP_HOME nor HOME is set", {
      hint: "pass `--home DIR` or set RUNLOOP_HOME to a folder of your own",
    });
  return homeAt(resolve(join(user, ".runloop")), false);
}

export function homeAt(root: string, named: boolean): Home {
  return {
    root,
    configFile: join(root, "config.yaml"),
    kbRoot: join(root, "pog"),
    cacheDir: join(root, "cache"),
    agentsDir: join(root, "agents"),
    overridesDir: join(root, "policy-overrides"),
    trustPolicyFile: join(root, "trust-policy.toml"),
    versionsDir: join(root, "versions"),
    keysDir: join(root, "keys"),
    tracesDir: join(root, "traces"),
    headsDir: join(root, "heads"),
    backupsDir: join(root, "backups"),
    outboxDir: join(root, "outbox"),
    keyFile: join(root, "home.key"),
    named,
  };
}

/** `~` and `~/…` stand for the user's folder; where that is unknown the text stays as it is. */
export function expandTilde(path: string, env: Readonly<Record<string, string | undefined>>): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  const user = userFolder(env);
  return user === undefined ? path : join(user, path.slice(1));
}

function userFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env["HOME"] || env["USERPROFILE"] || undefined;
}
