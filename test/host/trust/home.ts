/** A home, and authors with homes of their own who write, build and sign agents. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { blake3 } from "#core/digest.js";
import { homeAt } from "#host/config/home.js";
import { loadConfig } from "#host/config/load.js";
import { openHost, type Host, type HostOptions } from "#host/host.js";
import { climb } from "#host/sandbox/isolation/ladder.js";
import type { Isolation } from "#host/sandbox/isolation/rung.js";
import { generateKey, listKeys, trustKey } from "#host/trust/keys.js";
import { signBundle } from "#host/trust/signature.js";
import { component, imports, ok, textAt } from "../component/guest.js";

export interface AgentText {
  readonly policy?: string;
  readonly version?: string;
  /** Makes another component of it. */
  readonly nops?: number;
}

/** Components are admitted once for all homes: what is tested here comes after that. */
const shared = mkdtempSync(join(tmpdir(), "rlp-trust-cache-"));
afterAll(() => rmSync(shared, { recursive: true, force: true }));

const built = new Map<number, Promise<Uint8Array>>();
function componentOf(nops: number): Promise<Uint8Array> {
  const making = built.get(nops) ?? component({ imports: [imports.log], run: `${"(nop) ".repeat(nops)}${ok(...textAt(512))}` });
  built.set(nops, making);
  return making;
}

export class TrustHome {
  readonly root = mkdtempSync(join(tmpdir(), "rlp-trust-home-"));
  readonly home = {
    ...homeAt(join(this.root, "home"), true),
    cacheDir: join(shared, "cache"),
    keyFile: join(shared, "home.key"),
  };
  readonly systemDir = join(this.root, "etc");
  /** Agents that lie in a folder of `agents.search_dirs`. */
  readonly agents = join(this.root, "agents");
  private readonly hosts: Host[] = [];

  constructor() {
    mkdirSync(this.home.root, { mode: 0o700 });
    mkdirSync(this.agents);
  }

  host(options: Partial<HostOptions> = {}): Host {
    const { config } = loadConfig({ home: this.home, env: {}, cwd: this.root, flags: [], file: undefined });
    const host = openHost({
      home: this.home,
      config: { ...config, agents: { ...config.agents, search_dirs: [this.agents] } },
      systemDir: this.systemDir,
      // What a machine gives is tested elsewhere; here it is enough on every one, unless a test says otherwise.
      isolation: fullCage,
      ...options,
    });
    this.hosts.push(host);
    return host;
  }

  /** An author's key; trusted here under their name unless they are a stranger. */
  author(name: string, trusted = true): string {
    const keysDir = join(this.root, "authors", name);
    const key = generateKey(keysDir, "own");
    if (trusted) trustKey(this.home.keysDir, name, key.public);
    return keysDir;
  }

  /** Id of a key that this home knows. */
  keyId(name: string): string {
    return listKeys(this.home.keysDir).find((key) => key.name === name)?.id ?? "";
  }

  async bundle(dir: string, name: string, text: AgentText = {}, author?: string): Promise<string> {
    const folder = join(dir, name);
    mkdirSync(folder, { recursive: true });
    const { policy = "", version = "0.1.0", nops = 0 } = text;
    const wasm = await componentOf(nops);
    writeFileSync(join(folder, "agent.wasm"), wasm);
    writeFileSync(join(folder, "policy.caps"), policy);
    writeFileSync(
      join(folder, "manifest.toml"),
      `[agent]\nname = "${name}"\nversion = "${version}"\nworld = "agent"\nentry = { path = "agent.wasm", blake3 = "${blake3(wasm)}" }\n` +
        `[ports.out.out]\ntype = "text.v1"\n[caps]\nfile = "policy.caps"\nblake3 = "${blake3(policy)}"\n`,
    );
    if (author !== undefined) signBundle(folder, author, undefined);
    return folder;
  }

  trustPolicy(text: string, mode = 0o600): void {
    writeFileSync(this.home.trustPolicyFile, text);
    chmodSync(this.home.trustPolicyFile, mode);
  }

  override(dir: string, name: string, text: string, mode = 0o600): string {
    const file = join(dir, `${name}.caps`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What a machine has that gives nothing but Node's permission model. */
export const noCage = (): Promise<Isolation> => climb("strongest", { folders: [] });

/** What a machine has that gives everything, whatever stands around the guests of these tests. */
const fullCage = async (): Promise<Isolation> => ({ ...(await climb("strongest")), lacks: null });
