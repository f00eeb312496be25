/** Where agents are found by name, and how a bundle becomes an agent that can run. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { RlpError, UsageError } from "#core/errors.js";
import { nearest } from "#core/nearest.js";
import { canonicalJson } from "#core/json.js";
import type { AgentInterface, Grant } from "#openings/agent.js";
import { differences, limitsOf, lower, recordedLimits, type Ceilings, type Limits, type Lowered } from "../limits/effective.js";
import { admit, admitHeld } from "../component/admit.js";
import { AdmissionError } from "../component/error.js";
import { readBundle } from "../component/bundle.js";
import type { ToolchainOptions } from "../component/toolchain/run.js";
import type { Admitted } from "../component/contract.js";
import type { LoadedAgent } from "../run/executor.js";
import { hostLayers, type Layer, type OverridePlace } from "../capability/layers.js";
import { domainOf, needsCage, type AgentTrust } from "../trust/agent.js";
import { isReducedAccepted, judge, type Judgement, type Standing, type TrustPlaces } from "../trust/standing.js";
import type { Isolation } from "../sandbox/isolation/rung.js";
import { codeRoot } from "../sandbox/spawn.js";

export interface CatalogOptions {
  /** Named by the person at the keyboard: searched before everything else. */
  readonly named: readonly string[];
  /** From the configuration: searched after the bundled agents. */
  readonly dirs: readonly string[];
  /** Whose word counts, and where the host's own layers stand. */
  readonly trust: TrustPlaces & {
    /** The home's own folder of agents. */
    readonly agentsDir: string;
    readonly overrides: readonly OverridePlace[];
    /** Agents that may run in less than the full cage, by a person's word for this call. */
    readonly acceptReduced: readonly string[];
  };
  readonly cacheDir: string;
  readonly key: () => Promise<Uint8Array>;
  /** What the operator gives agents at most. Default: whatever a manifest may ask for. */
  readonly ceilings?: Ceilings;
  /** What stands around the process that reads components. Default: the strongest that this machine gives. */
  readonly isolation: () => Promise<Isolation>;
}

/**
 * `launch`: it will do something. `replay`: it gets recorded answers and does nothing, so what it is not trusted with does not
 * matter, and a revoked key or a broken list only makes it a stranger.
 */
export type Purpose = "launch" | "replay";

/** Limits of an agent by name, as a run has recorded them. */
type Recorded = Readonly<Record<string, number>>;

export interface Wanted {
  /** Default: `launch`. */
  readonly purpose?: Purpose;
  /** The limits under which a run has had it, in the place of those that the configuration gives now. */
  readonly limits?: Recorded | undefined;
}

export interface AgentSummary {
  readonly name: string;
  readonly dir: string;
  /** What is wrong with it, where it cannot be used: it is damaged, or it may not run. */
  readonly fault: Error | null;
  readonly face: Omit<AgentInterface, "imports"> | null;
  readonly standing: Standing | null;
}

export interface InspectedAgent {
  readonly dir: string | null;
  readonly face: AgentInterface | null;
  /** The manifest's bytes, by which the bundle was read. */
  readonly manifest: Uint8Array | null;
  readonly component: Admitted;
  /** What the operator's ceilings took from its limits. */
  readonly lowered?: readonly Lowered[];
}

/** An agent's grant with everything that it came to be by. */
export interface AgentGrant {
  readonly dir: string;
  readonly face: AgentInterface;
  readonly grant: Grant;
  readonly standing: Standing;
  readonly layers: readonly Layer[];
}

/** A bundle whose files were held against its manifest. */
interface Read {
  readonly dir: string;
  readonly manifest: Uint8Array;
  readonly face: Omit<AgentInterface, "imports">;
}

/** A bundle whose component was admitted. */
interface Opened extends Read {
  readonly face: AgentInterface;
  readonly component: Admitted;
  /** What the operator's ceilings took from its limits. */
  readonly lowered: readonly Lowered[];
}

const MANIFEST = "manifest.toml";
const BUNDLED_DIR = join(codeRoot().dist, "..", "agents");
/** What came with the project: the agents that everybody has, and those of the examples. */
const BUNDLED_DIRS: readonly string[] = [BUNDLED_DIR, join(codeRoot().dist, "..", "examples", "agents")];

export class Catalog {
  private readonly options: CatalogOptions;
  private readonly dirs: string[];
  private readonly opened = new Map<string, Promise<Opened>>();
  /** Bundles that stand for a name, wherever they lie. */
  private readonly chosen = new Map<string, string>();

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

  /** From now on `name` means the bundle in that folder, which need not be called so. */
  use(name: string, folder: string): void {
    this.chosen.set(name, resolve(folder));
  }

  /** Every folder in which bundles are looked for. */
  folders(): readonly string[] {
    return this.dirs;
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
   * Reads, checks and admits the agent, once; who vouches for it and what it may is looked at each time. Throws `AdmissionError`,
   * `PolicyError`, `TrustError`, or `USAGE_NOT_FOUND`.
   */
  async load(name: string, { purpose = "launch", limits }: Wanted = {}): Promise<LoadedAgent> {
    const folder = this.folder(name) ?? this.notFound(name);
    const key = limits ? `${folder} ${canonicalJson(limits)}` : folder;
    return this.trusted(await this.openOnce(key, () => this.openAs(name, folder, limits)), purpose);
  }

  /** What was refused is looked at again the next time: somebody may have mended it. */
  private openOnce(key: string, open: () => Promise<Opened>): Promise<Opened> {
    const known = this.opened.get(key);
    if (known) return known;
    const opening = open();
    this.opened.set(key, opening);
    opening.catch(() => this.opened.delete(key));
    return opening;
  }

  /** As {@link load}, of the bundle in a folder, whatever is found under its name. */
  async loadFrom(folder: string, { purpose = "launch", limits }: Wanted = {}): Promise<LoadedAgent> {
    return this.trusted(await this.open(resolve(folder), limits), purpose);
  }

  /** Throws where it may not run at all: a revoked key, a rule that forbids it, a policy that cannot be read. */
  async grantIn(folder: string): Promise<AgentGrant> {
    return this.granted(await this.open(resolve(folder)));
  }

  async grantOf(name: string): Promise<AgentGrant> {
    return this.granted(await this.openAs(name, this.folder(name) ?? this.notFound(name)));
  }

  private granted(opened: Opened): AgentGrant {
    const { dir, face } = opened;
    const { standing, grant, layers } = this.judged(opened, "launch");
    return { dir, face, grant, standing, layers };
  }

  private async openAs(name: string, folder: string, recorded?: Recorded): Promise<Opened> {
    const opened = await this.open(folder, recorded);
    // What is said about an agent, in rules and overrides, is said by its name: it has one.
    if (opened.face.name === name.split("@")[0]) return opened;
    const called = this.chosen.has(name) ? "it stands for" : "the folder is called";
    throw new AdmissionError("ADMIT_BUNDLE", `${called} \`${name}\`, and the agent in it is called \`${opened.face.name}\``, {
      place: { file: join(folder, MANIFEST) },
      hint: "rename the folder, or the agent, and build it again",
    });
  }

  private async trusted(opened: Opened, purpose: Purpose): Promise<LoadedAgent> {
    const { dir, face, component, lowered } = opened;
    const { standing, grant, layers, isAccepted } = this.judged(opened, purpose);
    const reduced =
      standing.kind !== "stranger"
        ? null
        : this.options.trust.acceptReduced.includes(face.name)
          ? "flag"
          : isAccepted
            ? "trust policy"
            : null;
    const trust: AgentTrust = { standing, layers, reduced };
    if (standing.kind === "stranger") needsCage(face.name, dir, trust, await this.options.isolation());
    const narrowed = { ...face, grant, policy: face.grant };
    return { face: narrowed, dir, grant, component, lowered, domain: domainOf(standing, face.digest, grant), trust };
  }

  private judged(
    opened: Read,
    purpose: Purpose,
  ): Pick<AgentTrust, "standing" | "layers"> & { grant: Grant; isAccepted: boolean } {
    const { dir, face, manifest } = opened;
    const { trust } = this.options;
    const parent = dirname(dir);
    if (purpose === "replay") return { ...this.replayed(opened), grant: face.grant, layers: [] };
    if (BUNDLED_DIRS.includes(parent))
      return { standing: { kind: "bundled" }, ...hostLayers(face.grant, face.name, null, trust.overrides), isAccepted: false };
    const asked: Judgement = { dir, name: face.name, manifest, installed: parent === trust.agentsDir };
    const { standing, rule, policy } = judge(asked, trust);
    const ceiling = rule?.caps ? { caps: rule.caps, file: policy.file } : null;
    return {
      standing,
      ...hostLayers(face.grant, face.name, ceiling, trust.overrides),
      isAccepted: isReducedAccepted(policy, face.name, face.digest, this.options.dirs.includes(parent)),
    };
  }

  private replayed({ dir, face, manifest }: Read): { standing: Standing; isAccepted: boolean } {
    if (BUNDLED_DIRS.includes(dirname(dir))) return { standing: { kind: "bundled" }, isAccepted: false };
    try {
      const { standing, policy } = judge({ dir, name: face.name, manifest, installed: false }, this.options.trust);
      return {
        standing,
        isAccepted: isReducedAccepted(policy, face.name, face.digest, this.options.dirs.includes(dirname(dir))),
      };
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      return { standing: { kind: "stranger", key: null }, isAccepted: false };
    }
  }

  private notFound(name: string): never {
    const near = nearest(name, this.names());
    throw new UsageError("USAGE_NOT_FOUND", `there is no agent \`${name}\``, {
      hint: near
        ? `did you mean \`${near}\`?`
        : "`rlp agent list` shows the agents there are; `agents.search_dirs` in config.yaml names further folders",
    });
  }

  private async open(folder: string, recorded?: Recorded): Promise<Opened> {
    const bundle = await readBundle(folder);
    const asked = limitsOf(bundle.face.limits);
    const limits = recorded ? recordedLimits(recorded) : this.under(asked);
    const lowered = differences(asked, limits);
    // The bundle's files were held against the digests in its manifest.
    const component = await admitHeld(bundle.face.digest, bundle.component.read, {
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
    return {
      dir: folder,
      manifest: bundle.manifest,
      face: { ...bundle.face, limits, imports: component.imports },
      component,
      lowered,
    };
  }

  private under(asked: Limits): Limits {
    const { ceilings } = this.options;
    return ceilings ? lower(asked, ceilings).limits : asked;
  }

  private toolchain(): ToolchainOptions {
    return { isolation: this.options.isolation() };
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
        let face: AgentSummary["face"] = null;
        try {
          const read = await readBundle(dir);
          face = read.face;
          return { name, dir, fault: null, face, standing: this.judged({ ...read, dir }, "launch").standing };
        } catch (error) {
          return { name, dir, fault: error as Error, face, standing: null };
        }
      }),
    );
  }

  /** An agent by its name, its folder, or a component by its file. */
  async inspect(what: string): Promise<InspectedAgent> {
    const dir = existsSync(join(what, MANIFEST)) ? resolve(what) : this.folder(what);
    if (dir !== undefined) return this.open(dir);
    if (!existsSync(what)) this.notFound(what);
    return {
      dir: null,
      face: null,
      manifest: null,
      component: await admit(what, { toolchain: this.toolchain(), ...(await this.cache()) }),
    };
  }

  private folder(name: string): string | undefined {
    const chosen = this.chosen.get(name);
    if (chosen !== undefined) return chosen;
    if (!/^[a-z][a-z0-9_]{0,63}(?:@[a-z0-9][a-z0-9_.-]{0,63})?$/.test(name)) return undefined;
    return this.dirs.map((dir) => join(dir, name)).find((folder) => existsSync(join(folder, MANIFEST)));
  }
}

function bundlesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => existsSync(join(dir, name, MANIFEST)));
  } catch {
    return [];
  }
}
