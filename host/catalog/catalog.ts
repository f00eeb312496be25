/** Where agents are found by name, and how a bundle becomes an agent that can run. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "#core/errors.js";
import { nearest } from "#core/nearest.js";
import { canonicalJson, jsonDigest, type Json } from "#core/json.js";
import type { AgentInterface } from "#openings/agent.js";
import { limitsOf, lower, recordedLimits, type Ceilings, type Limits, type Lowered } from "../limits/effective.js";
import { admit } from "../component/admit.js";
import { AdmissionError } from "../component/error.js";
import { readBundle } from "../component/bundle.js";
import type { ToolchainOptions } from "../component/toolchain/run.js";
import type { Admitted } from "../component/contract.js";
import type { LoadedAgent } from "../run/executor.js";
import { BUNDLED } from "../sandbox/domains.js";
import type { Isolation } from "../sandbox/isolation/rung.js";
import { codeRoot } from "../sandbox/spawn.js";

export interface CatalogOptions {
  /** Named by the person at the keyboard: searched before everything else. */
  readonly named: readonly string[];
  /** From the configuration: searched after the bundled agents. */
  readonly dirs: readonly string[];
  readonly cacheDir: string;
  readonly key: () => Promise<Uint8Array>;
  /** What the operator gives agents at most. Default: whatever a manifest may ask for. */
  readonly ceilings?: Ceilings;
  /** What stands around the process that reads components. Default: the strongest that this machine gives. */
  readonly isolation?: () => Promise<Isolation>;
}

export interface AgentSummary {
  readonly name: string;
  readonly dir: string;
  /** What is wrong with it, where it cannot be used. */
  readonly fault: Error | null;
  readonly face: Omit<AgentInterface, "imports"> | null;
}

export interface InspectedAgent {
  readonly dir: string | null;
  readonly face: AgentInterface | null;
  readonly component: Admitted;
  /** What the operator's ceilings took from its limits. */
  readonly lowered?: readonly Lowered[];
}

/** Limits of an agent by name, as a run has recorded them. */
type Recorded = Readonly<Record<string, number>>;

const MANIFEST = "manifest.toml";
const BUNDLED_DIR = join(codeRoot().dist, "..", "agents");

export class Catalog {
  private readonly options: CatalogOptions;
  private readonly dirs: string[];
  private readonly loaded = new Map<string, Promise<LoadedAgent>>();

  constructor(options: CatalogOptions) {
    this.options = options;
    // The bundled agents come before what is merely lying around: nothing beside an opening can put its own `mailer` in their place.
    this.dirs = [...options.named, BUNDLED_DIR, ...options.dirs];
  }

  /** An opening may bring agents of its own: `agents/` beside it, or beside its folder. They come last. */
  alsoLookBeside(opening: string): void {
    const folder = dirname(resolve(opening));
    for (const dir of [join(folder, "agents"), join(folder, "..", "agents")])
      if (!this.dirs.includes(dir) && existsSync(dir)) this.dirs.push(dir);
  }

  /** Where a run found its agents, to find them again: last of all, and what is there is held to the run's digests. */
  alsoLookIn(bundles: readonly string[]): void {
    for (const dir of bundles.map((bundle) => dirname(bundle))) if (!this.dirs.includes(dir)) this.dirs.push(dir);
  }

  names(): readonly string[] {
    const found = new Set<string>();
    for (const dir of this.dirs) for (const name of bundlesIn(dir)) found.add(name);
    return [...found].sort();
  }

  has(name: string): boolean {
    return this.folder(name) !== undefined;
  }

  /** The folder of an agent's bundle. */
  dirOf(name: string): string | undefined {
    return this.folder(name);
  }

  /**
   * Reads, checks and admits the agent, once. `recorded`: the limits of the run that is executed again, in the place of those that the
   * configuration gives. Throws `AdmissionError`, `PolicyError`, or `USAGE_NOT_FOUND`.
   */
  load(name: string, recorded?: Recorded): Promise<LoadedAgent> {
    const key = recorded ? `${name} ${canonicalJson(recorded)}` : name;
    const known = this.loaded.get(key);
    if (known) return known;
    const loading = this.read(name, recorded);
    this.loaded.set(key, loading);
    return loading;
  }

  private async read(name: string, recorded?: Recorded): Promise<LoadedAgent> {
    const folder = this.folder(name);
    if (folder === undefined) {
      const near = nearest(name, this.names());
      throw new UsageError("USAGE_NOT_FOUND", `there is no agent \`${name}\``, {
        hint: near
          ? `did you mean \`${near}\`?`
          : "`rlp agent list` shows the agents there are; `agents.search_dirs` in config.yaml names further folders",
      });
    }
    const { face, component, lowered } = await this.open(folder, recorded);
    return { face, grant: face.grant, component, lowered, domain: domainOf(folder, face) };
  }

  private async open(
    folder: string,
    recorded?: Recorded,
  ): Promise<{ readonly face: AgentInterface; readonly component: Admitted; readonly lowered: readonly Lowered[] }> {
    const bundle = await readBundle(folder);
    const { limits, lowered } = recorded
      ? { limits: recordedLimits(recorded), lowered: [] }
      : this.lowered(limitsOf(bundle.face.limits));
    const component = await admit(bundle.component.bytes, {
      expectedDigest: bundle.face.digest,
      path: bundle.component.path,
      memoryMib: limits.memory_mib,
      toolchain: this.toolchain(),
      ...(await this.cache()),
    });
    const world = component.exports.some((name) => name.startsWith("wasi:cli/run@")) ? "command" : "agent";
    if (world !== bundle.world)
      throw new AdmissionError(
        "ADMIT_EXPORT",
        `the manifest says world = "${bundle.world}", and the component is made for "${world}"`,
        {
          place: { file: join(folder, MANIFEST), at: "[agent] world" },
          hint: `world = "${world}"`,
        },
      );
    return { face: { ...bundle.face, limits, imports: component.imports }, component, lowered };
  }

  private lowered(asked: Limits): { readonly limits: Limits; readonly lowered: readonly Lowered[] } {
    const { ceilings } = this.options;
    return ceilings ? lower(asked, ceilings) : { limits: asked, lowered: [] };
  }

  private toolchain(): ToolchainOptions {
    return this.options.isolation ? { isolation: this.options.isolation() } : {};
  }

  /** Without a home that can be written there is no cache: everything is admitted anew. */
  private async cache(): Promise<{ cacheDir?: string; homeKey?: Uint8Array }> {
    const homeKey = await this.options.key().catch(() => undefined);
    return homeKey ? { cacheDir: this.options.cacheDir, homeKey } : {};
  }

  /** Every bundle that can be found; a broken one with its fault. */
  async list(): Promise<readonly AgentSummary[]> {
    return Promise.all(
      this.names().map(async (name) => {
        const dir = this.folder(name) as string;
        try {
          return { name, dir, fault: null, face: (await readBundle(dir)).face };
        } catch (error) {
          return { name, dir, fault: error as Error, face: null };
        }
      }),
    );
  }

  /** An agent by its name, its folder, or a component by its file. */
  async inspect(what: string): Promise<InspectedAgent> {
    const dir = existsSync(join(what, MANIFEST)) ? resolve(what) : this.folder(what);
    if (dir !== undefined) return { dir, ...(await this.open(dir)) };
    if (!existsSync(what)) await this.read(what); // says what is near
    return {
      dir: null,
      face: null,
      component: await admit(what, { toolchain: this.toolchain(), ...(await this.cache()) }),
    };
  }

  private folder(name: string): string | undefined {
    if (!/^[a-z][a-z0-9_]{0,63}(?:@[a-z0-9][a-z0-9_.-]{0,63})?$/.test(name)) return undefined;
    return this.dirs.map((dir) => join(dir, name)).find((folder) => existsSync(join(folder, MANIFEST)));
  }
}

/** Bundled agents are one domain. Until bundles are signed every other one is a stranger: by what it is and what it may, not by its name. */
function domainOf(folder: string, face: AgentInterface): string {
  if (dirname(folder) === BUNDLED_DIR) return BUNDLED;
  return jsonDigest({ component: face.digest, grant: face.grant as unknown as Json });
}

function bundlesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => existsSync(join(dir, name, MANIFEST)));
  } catch {
    return [];
  }
}
