/** Bundles into a home and out of it: whole or not at all. A bundle lies there only after it was admitted. */
import { lstat, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { makeFolder } from "#core/folder.js";
import { join } from "node:path";
import { UsageError } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import { nearest } from "#core/nearest.js";
import type { InspectedAgent } from "../catalog/catalog.js";
import { compareVersions } from "../component/version.js";
import type { Judged } from "../trust/standing.js";
import { syncFolder, writeDurably } from "./durable.js";
import { InstallError } from "./error.js";
import { readEntries } from "./read.js";
import { highestVersion, rememberVersion } from "./versions.js";

export interface InstallWorld {
  /** `<home>/agents`; made when it is not there, mode 0700. */
  readonly agentsDir: string;
  /** `<home>/versions`: which signed versions were here before. */
  readonly versionsDir: string;
  /** Reads and admits the bundle in a folder. */
  readonly inspect: (dir: string) => Promise<InspectedAgent>;
  /** Where an agent of this name lies that would be used in the place of an installed one. */
  readonly before: (name: string) => Promise<string | undefined>;
  /** Who vouches for it. Refuses by throwing: a signature that does not fit, a revoked key, a rule that forbids it. */
  readonly judge: (agent: { readonly dir: string; readonly name: string; readonly manifest: Uint8Array }) => Judged;
  /** An older version in the place of a newer one, and an unsigned one in the place of a signed one, by a person's word. */
  readonly allowDowngrade: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Installed = InspectedAgent & {
  readonly dir: string;
  readonly face: NonNullable<InspectedAgent["face"]>;
  readonly judged: Judged;
};

const STAGING = ".staging-";
/** An install that was killed leaves its folder; an hour later nobody is at it any more. */
const STALE_MS = 3_600_000;

/** Installs from a folder, a `.tar` or a `.tar.gz`. Throws `InstallError`, `UsageError`, or what admission throws. */
export async function installAgent(from: string, world: InstallWorld): Promise<Installed> {
  const files = (await readEntries(from)).bundle();
  const { agentsDir } = world;
  makeFolder(agentsDir);
  await sweep(agentsDir, world.now());
  const staging = await mkdtemp(join(agentsDir, STAGING));
  try {
    const made = join(staging, "bundle");
    for (const [path, bytes] of files) await writeDurably(join(made, path), bytes);
    for (const folder of foldersOf(files.keys())) await syncFolder(join(made, folder));
    const { face, component, manifest } = await world.inspect(made);
    if (!face || !manifest) throw new InstallError("INSTALL_MALFORMED", "it is no bundle", { place: { file: from } });
    const judged = world.judge({ dir: made, name: face.name, manifest });
    const before = await world.before(face.name);
    const dir = join(agentsDir, face.name);
    if (before !== undefined && before !== dir)
      throw new InstallError("INSTALL_EXISTS", `there is an agent \`${face.name}\` already, which openings would use`, {
        place: { file: before },
        hint: "rename the agent in its manifest, build it and install it again",
      });
    if (await lstat(dir).catch(() => null)) throw exists(face.name, dir);
    await refuseDowngrade(face, judged, world);
    // Before the agent is there: where this process is killed in between, an older one still cannot come in its place.
    if (judged.standing.kind === "signed") await rememberVersion(world.versionsDir, face.name, face.version);
    await placeAt(made, dir, face.name);
    await syncFolder(agentsDir);
    return { dir, face, component, manifest, judged };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Every folder that holds something, the bundle's own included. */
function foldersOf(paths: Iterable<string>): ReadonlySet<string> {
  const folders = new Set<string>([""]);
  for (const path of paths)
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) folders.add(path.slice(0, at));
  return folders;
}

async function refuseDowngrade(
  { name, version }: { readonly name: string; readonly version: string },
  { standing }: Judged,
  { versionsDir, allowDowngrade }: InstallWorld,
): Promise<void> {
  const highest = allowDowngrade ? null : await highestVersion(versionsDir, name);
  if (highest === null) return;
  const isOlder = compareVersions(version, highest) < 0;
  if (!isOlder && standing.kind !== "stranger") return;
  throw new InstallError(
    "INSTALL_DOWNGRADE",
    isOlder
      ? `\`${name}\` ${version} is older than ${highest}, which was installed here before`
      : `\`${name}\` ${highest} was installed here with a trusted signature, and for this ${version} nobody vouches`,
    {
      place: { file: join(versionsDir, name, highest) },
      hint: "get a newer signed one; `--allow-downgrade` takes this one all the same",
    },
  );
}

const exists = (name: string, dir: string): InstallError =>
  new InstallError("INSTALL_EXISTS", `\`${name}\` is installed already`, {
    place: { file: dir },
    hint: `\`rlp agent remove ${name}\` takes it away; then install again`,
  });

async function placeAt(made: string, dir: string, name: string): Promise<void> {
  await rename(made, dir).catch((error: NodeJS.ErrnoException) => {
    // Another install was faster: a folder with something in it is never replaced.
    throw ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(error.code ?? "") ? exists(name, dir) : error;
  });
}

async function sweep(agentsDir: string, now: number): Promise<void> {
  for (const name of (await readdir(agentsDir)).filter((each) => each.startsWith(STAGING))) {
    const folder = join(agentsDir, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > STALE_MS) await rm(folder, { recursive: true, force: true });
  }
}

/** Takes an installed agent away. Only what lies in the home's own folder; gives where it lay. */
export async function removeAgent(name: string, agentsDir: string): Promise<string> {
  const there = await readdir(agentsDir).catch((): string[] => []);
  const dir = join(agentsDir, name);
  if (!IDENTIFIER.test(name) || !there.includes(name)) {
    const near = nearest(
      name,
      there.filter((each) => IDENTIFIER.test(each)),
    );
    throw new UsageError("USAGE_NOT_FOUND", `no agent \`${name.slice(0, 80)}\` is installed`, {
      place: { file: agentsDir },
      hint: near ? `did you mean \`${near}\`?` : "only what `rlp agent install` has installed can be removed",
    });
  }
  const staging = await mkdtemp(join(agentsDir, STAGING));
  try {
    // Gone in one step: nobody reads half a bundle. A link goes away itself, not what it leads to.
    await rename(dir, join(staging, "bundle"));
    await syncFolder(agentsDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return dir;
}
