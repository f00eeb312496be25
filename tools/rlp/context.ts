/** What every command gets: streams, options, the home, the configuration and, when it asks, the host. */
import { isAbsolute, relative, resolve } from "node:path";
import type { Command } from "commander";
import type { ExitCode } from "#core/errors.js";
import { locateHome, type Home } from "#host/config/home.js";
import type { LoadedConfig } from "#host/config/load.js";
import type { Host, HostOptions } from "#host/host.js";
import type { Output } from "./output.js";

/** The outside world, as values. `process` gives them; nothing below `main` reads it. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Where questions are written, and what is typed is echoed. */
  readonly prompt: NodeJS.WritableStream;
  readonly now: () => number;
  /** Calls back at each Ctrl-C or SIGTERM; the result stops that. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => never;
}

/** Options that every command has. */
export interface GlobalFlags {
  readonly json: boolean;
  readonly color: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  readonly home?: string;
  readonly config?: string;
}

/** What a command does: gets its context, its arguments and its own options; the result is the exit code. */
export type Action<Flags> = (context: Context, args: readonly string[], flags: Flags) => Promise<ExitCode>;
/** Ties an action to commander. `Flags` is what the command has declared; commander gives no other shape. */
export type Act = <Flags>(action: Action<Flags>) => (...given: unknown[]) => Promise<void>;

export class Context {
  readonly world: World;
  readonly out: Output;
  readonly flags: GlobalFlags;
  readonly command: Command;
  #loaded: Promise<LoadedConfig> | undefined;
  #host: Promise<Host> | undefined;

  constructor(world: World, out: Output, flags: GlobalFlags, command: Command) {
    this.world = world;
    this.out = out;
    this.flags = flags;
    this.command = command;
  }

  /** Where the home is, before any file in it was read. */
  locateHome(): Home {
    return locateHome({ flag: this.flags.home, env: this.world.env, cwd: this.world.cwd });
  }

  /** The configuration, read once; its warnings go to standard error. Throws `USAGE_CONFIG`. */
  load(): Promise<LoadedConfig> {
    return (this.#loaded ??= this.#read());
  }

  async #read(): Promise<LoadedConfig> {
    const { world, flags } = this;
    const home = this.locateHome();
    const file = flags.config === undefined ? undefined : resolve(world.cwd, flags.config);
    const place = { home, flags: [], env: world.env, cwd: world.cwd, file };
    const { unsetConfig } = await import("#host/config/defaults.js");
    const loaded = unsetConfig(place) ?? (await import("#host/config/load.js")).loadConfig(place);
    if (!flags.quiet) for (const warning of loaded.warnings) this.out.warn(warning);
    return loaded;
  }

  /** The host of this home, opened once and closed by {@link close}. */
  host(options: Pick<HostOptions, "warm" | "agentDirs" | "acceptReduced"> = {}): Promise<Host> {
    return (this.#host ??= this.#open(options));
  }

  async #open(options: Pick<HostOptions, "warm" | "agentDirs" | "acceptReduced">): Promise<Host> {
    const [{ home, config }, { openHost }] = await Promise.all([this.load(), import("#host/host.js")]);
    if (config.kb.quota_mib !== null) await this.warnOfQuota(config.kb, home.kbRoot);
    return openHost({ home, config, ...options });
  }

  /** Says when the knowledge base is nearly as large as it may be. */
  async warnOfQuota(kb: LoadedConfig["config"]["kb"], root: string): Promise<void> {
    const [{ quotaWarning }, { bytesOnDisk }] = await Promise.all([import("#host/config/quota.js"), import("#kb/stats.js")]);
    const warning = quotaWarning(kb, bytesOnDisk(root));
    if (warning !== null) this.out.warn(warning);
  }

  async close(): Promise<void> {
    const opened = await this.#host?.catch(() => undefined);
    await opened?.close();
  }

  /** A command to paste: called as this one was, and with the home named again where it is not the default one. */
  invocation(words: string): string {
    const { root, named } = this.locateHome();
    const home = named ? ` --home ${quoted(shortPath(root, this.world.cwd))}` : "";
    return `${this.#prefix}rlp ${words}${home}`;
  }

  /** A command to paste that shows a trace file. */
  agtop(file: string): string {
    return `${this.#prefix}agtop --input ${quoted(shortPath(file, this.world.cwd))}`;
  }

  /** npm says so when it runs `npx rlp`: inside a clone there is no `rlp` on the path. */
  get #prefix(): string {
    return this.world.env["npm_command"] === undefined ? "" : "npx ";
  }
}

/** Relative to `cwd` where it lies inside. */
export function shortPath(path: string, cwd: string): string {
  const inside = relative(cwd, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? path : inside;
}

/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
