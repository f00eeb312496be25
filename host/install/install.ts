/** Bundles into a home and out of it: whole or not at all. A bundle lies there only after it was admitted. */
import { lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import { nearest } from "#core/nearest.js";
import type { InspectedAgent } from "../catalog/catalog.js";
import { InstallError } from "./error.js";
import { readEntries } from "./read.js";

export interface InstallWorld {
  /** `<home>/agents`; made when it is not there, mode 0700. */
  readonly agentsDir: string;
  /** Reads and admits the bundle in a folder. */
  readonly inspect: (dir: string) => Promise<InspectedAgent>;
  /** Where an agent of this name lies that would be used in the place of an installed one. */
  readonly before: (name: string) => Promise<string | undefined>;
  /** Refuses by throwing: a signature that does not fit, or of a revoked key. */
  readonly mayInstall: (dir: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Installed = InspectedAgent & { readonly dir: string; readonly face: NonNullable<InspectedAgent["face"]> };

const STAGING = ".staging-";
/** An install that was killed leaves its folder; an hour later nobody is at it any more. */
const STALE_MS = 3_600_000;

/** Installs from a folder, a `.tar` or a `.tar.gz`. Throws `InstallError`, `UsageError`, or what admission throws. */
export async function installAgent(from: string, world: InstallWorld): Promise<Installed> {
  const files = (await readEntries(from)).bundle();
  const { agentsDir } = world;
  await mkdir(agentsDir, { recursive: true, mode: 0o700 });
  await sweep(agentsDir, world.now());
  const staging = await mkdtemp(join(agentsDir, STAGING));
  try {
    const made = join(staging, "bundle");
    for (const [path, bytes] of files) await writeDurably(join(made, path), bytes);
    const { face, component } = await world.inspect(made);
    if (!face) throw new InstallError("INSTALL_MALFORMED", "it is no bundle", { place: { file: from } });
    world.mayInstall(made);
    const before = await world.before(face.name);
    const dir = join(agentsDir, face.name);
    if (before !== undefined && before !== dir)
      throw new InstallError("INSTALL_EXISTS", `there is an agent \`${face.name}\` already, which openings would use`, {
        place: { file: before },
        hint: "rename the agent in its manifest, build it and install it again",
      });
    await placeAt(made, dir, face.name);
    await syncFolder(agentsDir);
    return { face, component, dir };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function placeAt(made: string, dir: string, name: string): Promise<void> {
  const exists = (): InstallError =>
    new InstallError("INSTALL_EXISTS", `\`${name}\` is installed already`, {
      place: { file: dir },
      hint: `\`rlp agent remove ${name}\` takes it away; then install again`,
    });
  if (await lstat(dir).catch(() => null)) throw exists();
  await rename(made, dir).catch((error: NodeJS.ErrnoException) => {
    // Another install was faster: a folder with something in it is never replaced.
    throw ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(error.code ?? "") ? exists() : error;
  });
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
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
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return dir;
}
