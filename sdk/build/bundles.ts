/** The agents that come with the project: built where they are missing or stale, and held to their manifests' digests. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { isJsonObject, parseJson } from "#core/json.js";
import { partsOf } from "./agent.js";
import { BuildError } from "./errors.js";
import { buildKey } from "./key.js";
import { isKnownRuntime } from "./link/runtime.js";
import { projectRoot, readText } from "./layout.js";
import { buildCached } from "./source.js";
import { namedFiles, stampBundle } from "./stamp.js";

export interface BundleReport {
  readonly folder: string;
  /** `skipped`: what this platform's tools make of it is not what the manifest names, and nobody could tell whether it should be. */
  readonly outcome: "fresh" | "built" | "stamped" | "skipped";
  readonly digest: Digest;
}

const ENTRIES = ["agent.ts", "agent.js"];

/** Folders of bundles that carry their source. */
export function bundledAgents(root: string = projectRoot): readonly string[] {
  return ["agents", join("examples", "agents")]
    .map((name) => join(root, name))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }).map((entry) => ({ folder, entry })))
    .filter(
      ({ folder, entry }) => entry.isDirectory() && ENTRIES.some((name) => existsSync(join(folder, entry.name, "src", name))),
    )
    .map(({ folder, entry }) => join(folder, entry.name))
    .sort();
}

/**
 * Builds `agent.wasm` of each bundle where it is missing or not what its source gives. Without `stamp` the manifest is the
 * measure: a build that gives other bytes is `BUILD_DIGEST`, and nothing is left in the place of the component. With `stamp` (for
 * the author, after a change) the manifest's digests are written.
 */
export async function buildBundles(
  folders: readonly string[],
  options: { readonly stamp: boolean; readonly root?: string },
  report: (done: BundleReport) => void = () => {},
): Promise<readonly BundleReport[]> {
  const root = options.root ?? projectRoot;
  const stamps = new Stamps(join(root, "dist", "agents.json"));
  const reports: BundleReport[] = [];
  for (const folder of folders) {
    const done = await buildBundle(folder, relative(root, folder).replaceAll("\\", "/"), stamps, options.stamp);
    reports.push(done);
    report(done);
  }
  return reports;
}

async function buildBundle(folder: string, name: string, stamps: Stamps, stamp: boolean): Promise<BundleReport> {
  const component = join(folder, "agent.wasm");
  const parts = partsOf({ folder });
  const key = buildKey(parts);
  const held = existsSync(component) ? blake3(readFileSync(component)) : undefined;
  if (!stamp && held !== undefined && stamps.get(name) === `${key} ${held}` && held === manifestDigest(folder))
    return { folder, outcome: "fresh", digest: held };

  if (!stamp && parts.language === "javascript" && !isKnownRuntime())
    return { folder, outcome: "skipped", digest: (manifestDigest(folder) ?? "") as Digest };
  const built = await buildCached({ folder });
  if (!stamp) refuseOther(folder, built.digest);
  if (held !== built.digest) {
    // Renamed into place: a run that starts meanwhile sees the old component or the new one.
    const draft = `${component}.${process.pid}`;
    writeFileSync(draft, built.component);
    renameSync(draft, component);
  }
  const changed = stamp ? stampBundle(folder).length > 0 : false;
  stamps.set(name, `${key} ${built.digest}`);
  return { folder, outcome: changed ? "stamped" : "built", digest: built.digest };
}

function manifestDigest(folder: string): string | null {
  const file = join(folder, "manifest.toml");
  if (!existsSync(file)) throw new BuildError("BUILD_BUNDLE", "the bundle has no manifest", { place: { file } });
  return namedFiles(readText(file), file).find((entry) => entry.table === "agent")?.digest ?? null;
}

function refuseOther(folder: string, digest: Digest): void {
  const expected = manifestDigest(folder);
  if (expected === digest) return;
  throw new BuildError(
    "BUILD_DIGEST",
    `the manifest names the component ${expected ?? "(no digest)"}, the source gives ${digest}`,
    {
      place: { file: join(folder, "manifest.toml"), at: "[agent] entry" },
      hint: "if you changed the source, the SDK or the tools on purpose: `node dist/sdk/build/build-agents.js --stamp`, and commit the manifest",
    },
  );
}

/** Which key each component was built from, and its digest; a file under `dist`, rewritten at each change. */
class Stamps {
  private readonly held: Map<string, string>;

  constructor(private readonly file: string) {
    this.held = new Map(existsSync(file) ? readStamps(readText(file)) : []);
  }

  get(name: string): string | undefined {
    return this.held.get(name);
  }

  set(name: string, stamp: string): void {
    this.held.set(name, stamp);
    mkdirSync(dirname(this.file), { recursive: true });
    const draft = `${this.file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify(Object.fromEntries(this.held), null, 2)}\n`);
    renameSync(draft, this.file);
  }
}

/** A damaged stamp file only costs a rebuild. */
function readStamps(text: string): readonly (readonly [string, string])[] {
  try {
    const value = parseJson(text);
    return isJsonObject(value)
      ? Object.entries(value).flatMap(([name, stamp]) => (typeof stamp === "string" ? [[name, stamp] as const] : []))
      : [];
  } catch {
    return [];
  }
}
