/** An agent's bundle on its way into a trace file, and out of it again. */
import { existsSync, mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { readBundle } from "../component/bundle.js";
import { readPlain, signatureFile } from "../trust/signature.js";
import type { AgentLine } from "./line.js";
import type { Trace } from "./read.js";
import type { OutgoingAgent } from "./write.js";

const MANIFEST = "manifest.toml";
const SIGNATURE_BYTES = 4096;

/** Every file that the manifest names, the manifest itself, and its signature. Throws where the bundle is not whole. */
export async function bundleIn(dir: string, name: string): Promise<OutgoingAgent> {
  const bundle = await readBundle(dir);
  const signature = signatureFile(dir);
  const files = new Map([
    [MANIFEST, bundle.manifest],
    [inside(dir, bundle.component.path), await bundle.component.read()],
    [bundle.policy.path, bundle.policy.bytes],
    ...[...bundle.artifacts.values()].map(({ path, bytes }) => [path, bytes] as const),
    ...(existsSync(signature) ? [[inside(dir, signature), readPlain(signature, SIGNATURE_BYTES)] as const] : []),
  ]);
  return { name, component: bundle.face.digest, files };
}

const inside = (dir: string, path: string): string => relative(dir, path).split(sep).join("/");

/** The bundles of a trace file as folders, written when somebody asks for them, and gone when that is over. */
export class Unpacked {
  #root: string | null = null;
  readonly #folders = new Map<string, Promise<string>>();

  constructor(private readonly trace: Trace) {}

  /** Folders in which the agent's bundle is: one, or none where the file does not hold it. */
  async folder(name: string): Promise<readonly string[]> {
    const agent = this.trace.agents.get(name);
    if (!agent) return [];
    const folder = this.#folders.get(name) ?? this.#write(agent);
    this.#folders.set(name, folder);
    return [await folder];
  }

  async #write({ name, component, files }: AgentLine): Promise<string> {
    this.#root ??= mkdtempSync(join(tmpdir(), "rlp-trace-")); // mode 0700
    const folder = join(this.#root, component, name);
    // Paths were checked when the file was read, and the folder is nobody else's.
    for (const [path, digest] of Object.entries(files)) {
      const file = join(folder, ...path.split("/"));
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, this.trace.blob(digest), { flag: "wx", mode: 0o600 });
    }
    return folder;
  }

  async remove(): Promise<void> {
    if (this.#root !== null) await rm(this.#root, { recursive: true, force: true });
  }
}
