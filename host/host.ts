/** The host of one home: its agents, its knowledge base, its sandbox process and its broker, each made when it is first needed. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { JsonObject } from "#core/json.js";
import { openKb, type Kb } from "#kb/kb.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import type { TypeRegistry } from "#openings/agent.js";
import { emailAction } from "./actions/email.js";
import type { ActionKind } from "./actions/action.js";
import { join } from "node:path";
import { Catalog, type AgentGrant, type AgentSummary, type InspectedAgent, type Wanted } from "./catalog/catalog.js";
import { sharedTypes } from "./catalog/types.js";
import type { OverridePlace } from "./capability/layers.js";
import { ModelBroker } from "./broker/broker.js";
import { configuredProviders } from "./broker/configured.js";
import { configuredEmbedder } from "./broker/embedder.js";
import { homeKey } from "./component/key.js";
import type { Sandbox } from "./component/contract.js";
import type { Home } from "./config/home.js";
import { maxPages } from "./config/quota.js";
import { directoryGuard, type DirectoryGuard } from "./fs/guard.js";
import { HttpGate } from "./http/gate.js";
import type { Config } from "./config/schema.js";
import { Compiler, type Purpose } from "./opening/compile.js";
import { readOpening } from "./opening/file.js";
import type { Compiled } from "./run/contract.js";
import type { LoadedAgent } from "./run/executor.js";
import { commandToolsOf } from "./toolbox/command.js";
import type { HostTools } from "./toolbox/tool.js";
import { Domains } from "./sandbox/domains.js";
import { codeRoot } from "./sandbox/spawn.js";
import { isolation, presumed } from "./sandbox/isolation/ladder.js";
import type { Floor, Isolation } from "./sandbox/isolation/rung.js";
import { ledgerAnchor } from "./trust/ledger-keys.js";
import { environmentSecrets } from "./secrets/secrets.js";

export const VERSION = "0.1.0";

export interface HostOptions {
  readonly home: Home;
  readonly config: Config;
  /** Folders of agent bundles that a person named for this call: they come before all others. */
  readonly agentDirs?: readonly string[];
  /** Agents that nobody vouches for and that may run in less than the full cage, for this call. */
  readonly acceptReduced?: readonly string[];
  /** The operator's folder. Default: `/etc/runloop`. */
  readonly systemDir?: string;
  /** What stands around guests. Default: what the machine gives and the configuration demands. */
  readonly isolation?: () => Promise<Isolation>;
  /** Nothing is made in the home: no key, no cache, no database. */
  readonly readonly?: boolean;
  /** Starts the sandbox process and the ledger's writer at once, because they will be needed. */
  readonly warm?: boolean;
}

export class Host {
  readonly home: Home;
  readonly config: Config;
  readonly types: TypeRegistry;
  readonly broker: ModelBroker;
  readonly actions: ReadonlyMap<string, ActionKind>;
  /** Where an operator's overrides stand. */
  readonly overrides: readonly OverridePlace[];
  readonly http: HttpGate;
  /** Which directories may be granted. */
  readonly directories: DirectoryGuard;
  readonly tools: HostTools;
  private readonly catalog: Catalog;
  private readonly isReadonly: boolean;
  private readonly cage: () => Promise<Isolation>;
  /** What the configuration demands; null where whoever opened this host says what stands around guests. */
  private readonly floor: Floor | null;
  private openedKb: Promise<Kb> | undefined;
  private readKey: Promise<Uint8Array> | undefined;
  private startedSandbox: Domains | undefined;

  constructor(options: HostOptions) {
    const { home, config } = options;
    this.home = home;
    this.isReadonly = options.readonly ?? false;
    this.cage = options.isolation ?? (() => isolation(config.runtime.isolation));
    this.floor = options.isolation ? null : config.runtime.isolation;
    this.config = config;
    this.overrides = overridePlaces(options);
    this.catalog = new Catalog({
      cacheDir: home.cacheDir,
      key: () => this.key(),
      isolation: () => this.isolation(),
      ceilings: config.limits,
      trust: {
        keysDir: home.keysDir,
        policyFile: home.trustPolicyFile,
        agentsDir: home.agentsDir,
        overrides: this.overrides,
        acceptReduced: options.acceptReduced ?? [],
      },
      named: options.agentDirs ?? [],
      dirs: [home.agentsDir, ...config.agents.search_dirs],
    });
    this.types = sharedTypes();
    this.broker = new ModelBroker({
      providers: configuredProviders(config, process.env),
      defaultModel: config.models.default,
      routes: config.models.broker.route,
    });
    const email = emailAction({ outbox: home.outboxDir, from: "rlp@localhost" });
    this.actions = new Map([[email.kind, email]]);
    this.tools = commandToolsOf(config.tools.commands, process.env);
    this.http = new HttpGate({
      secrets: environmentSecrets(process.env),
      road: async () => (await import("./http/connect.js")).systemRoad(),
      userAgent: `rlp/${VERSION}`,
    });
    this.directories = directoryGuard(() => ({
      secret: [home.root, config.kb.root_dir],
      trusted: [dirname(codeRoot().packageFile), ...this.catalog.folders(), "/etc/runloop"],
    }));
    if (options.warm) {
      this.domains().warm();
      void this.ledger().then(
        (ledger) => ledger.prepare(),
        () => {},
      ); // whoever needs it meets the failure
    }
  }

  /** Ledger and views; the views are opened when somebody looks at them. */
  kb(): Promise<Kb> {
    const root = this.config.kb.root_dir;
    return (this.openedKb ??= openKb({
      root,
      readonly: this.isReadonly,
      anchor: ledgerAnchor(this.home, root),
      embedder: configuredEmbedder(this.config, process.env),
      ...maxPages(this.config.kb),
    }));
  }

  /** The ledger alone: nothing but `events.sqlite` is touched. */
  async ledger(): Promise<Ledger> {
    return (await this.kb()).ledger;
  }

  /** The home's own secret. */
  key(): Promise<Uint8Array> {
    return (this.readKey ??= this.isReadonly ? readFile(this.home.keyFile) : homeKey(this.home.keyFile));
  }

  /** Guests of each trust domain in a process of its own. */
  sandbox(): Sandbox {
    return this.domains();
  }

  private domains(): Domains {
    return (this.startedSandbox ??= new Domains({
      isolation: this.isolation(),
      presumed: this.floor && presumed(this.floor),
      maxLive: this.config.limits.instances_per_process,
      maxLiveInAll: this.config.limits.instances,
      maxProcesses: this.config.limits.processes,
    }));
  }

  /** What stands around guests. Throws `IsolationError` where the machine gives less than the configuration demands. */
  isolation(): Promise<Isolation> {
    return this.cage();
  }

  /** Reads, checks and compiles an opening. Throws when the file cannot be read; everything in it becomes diagnostics. */
  async compile(file: string, params: JsonObject, purpose: Purpose = "check"): Promise<Compiled> {
    const bytes = await readOpening(file);
    this.catalog.alsoLookBeside(file);
    return this.compileText(file, bytes, params, purpose);
  }

  /** As {@link compile}, of an opening that stands in no file: `file` only names it in diagnostics. */
  async compileText(file: string, bytes: Uint8Array, params: JsonObject, purpose: Purpose = "check"): Promise<Compiled> {
    const compiler = new Compiler({
      catalog: this.catalog,
      types: this.types,
      searchDirs: this.config.openings.search_dirs,
      defaults: { confirm_external: this.config.security.confirm_external_actions },
    });
    return compiler.compile({ file, bytes }, params, purpose);
  }

  /** An agent that is ready to run: admitted, vouched for or caged, with what this host grants it. */
  agent(name: string, wanted?: Wanted): Promise<LoadedAgent> {
    return this.catalog.load(name, wanted);
  }

  /** As {@link agent}, of the bundle in a folder. */
  agentIn(folder: string, wanted?: Wanted): Promise<LoadedAgent> {
    return this.catalog.loadFrom(folder, wanted);
  }

  /** From now on the agent of this name is the bundle in that folder. */
  useBundle(name: string, folder: string): void {
    this.catalog.use(name, folder);
  }

  /** The folders in which a run's agents are found, by name. */
  agentDirs(names: Iterable<string>): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of names) {
      const dir = this.catalog.dirOf(name);
      if (dir !== undefined) found[name] = dir;
    }
    return found;
  }

  /** What an agent in a folder may, layer by layer, whether or not it may run here. */
  grantIn(folder: string): Promise<AgentGrant> {
    return this.catalog.grantIn(folder);
  }

  /** As {@link grantIn}, by the name that openings use. */
  grantOf(name: string): Promise<AgentGrant> {
    return this.catalog.grantOf(name);
  }

  agents(): Promise<readonly AgentSummary[]> {
    return this.catalog.list();
  }

  /** An agent by its name, its folder, or a component by its file. */
  inspectAgent(what: string): Promise<InspectedAgent> {
    return this.catalog.inspect(what);
  }

  async close(): Promise<void> {
    await Promise.all([
      this.startedSandbox?.close(),
      this.openedKb?.then(
        (kb) => kb.close(),
        () => {},
      ),
    ]);
  }
}

const SYSTEM_DIR = join("/", "etc", "runloop");

/** Never a folder of a project: what an operator says is said in places that only the operator writes. */
function overridePlaces({ home, systemDir = SYSTEM_DIR }: Pick<HostOptions, "home" | "systemDir">): readonly OverridePlace[] {
  return [
    { layer: "system override", dir: join(systemDir, "policy-overrides") },
    { layer: "home override", dir: home.overridesDir },
  ];
}

export function openHost(options: HostOptions): Host {
  return new Host(options);
}
