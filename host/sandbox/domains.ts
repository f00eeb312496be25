/**
 * Trust domains: guests that may share a sandbox process, and those that may not. A fault of the engine that lets a guest out of its
 * memory lets it into its own domain's, and no other's.
 */
import type { GuestEnd, GuestHooks, GuestSpec, Sandbox } from "../component/contract.js";
import type { Digest } from "#core/digest.js";
import { isolation } from "./isolation/ladder.js";
import { IsolationError, type Isolation } from "./isolation/rung.js";
import { NO_PLACE, Places } from "./places.js";
import type { SandboxOptions } from "./options.js";
import { startSandbox, type StartedSandbox } from "./process.js";
import { Suspects } from "./suspects.js";

/** The agents that come with rlp. */
export const BUNDLED = "bundled";

export interface DomainOptions extends SandboxOptions {
  /** Guests that live at once in all processes; further ones wait in line. Default 16,000. */
  readonly maxLiveInAll?: number;
  /** Processes of strangers at once; guests of further domains wait for one to fall idle. Default 16 (about 25 MiB each). */
  readonly maxProcesses?: number;
  /** How long a stranger's process stays without a guest. Default 5,000 ms. */
  readonly idleMs?: number;
}

/** Added to a domain's name: its process without the optimising compiler, for what is large and nobody vouches for. */
const BASELINE = "baseline";

const QUARANTINED = "the component is in quarantine: a process that held nothing else has died under it twice";

interface Domain {
  readonly sandbox: StartedSandbox;
  /** Guests that are in it now, by component. */
  readonly held: Map<Digest, number>;
  guests: number;
  idle: NodeJS.Timeout | null;
}

export class Domains implements Sandbox {
  private readonly options: DomainOptions;
  /** In the order in which they were last used. */
  private readonly domains = new Map<string, Domain>();
  private readonly waiting: (() => void)[] = [];
  private readonly closing = new Set<Promise<void>>();
  private readonly places: Places;
  private readonly suspects = new Suspects();
  private closed = false;

  constructor(options: DomainOptions = {}) {
    this.options = options;
    this.places = new Places(options.maxLiveInAll ?? 16_000);
  }

  /** Starts the bundled agents' process, because it will be needed. */
  warm(): void {
    if (!this.closed && !this.domains.has(BUNDLED)) this.start(BUNDLED, false, this.options.presumed);
  }

  /** How many processes there are. */
  get size(): number {
    return this.domains.size;
  }

  /** The process that holds a domain's guests now, if there is one. */
  pidOf(domain: string): number | undefined {
    return this.domains.get(domain)?.sandbox.pid;
  }

  /** Throws where the guest needs the full cage and there is less: whoever asked should have known. */
  async run(spec: GuestSpec, hooks: GuestHooks, signal: AbortSignal): Promise<GuestEnd> {
    if (spec.anyCage !== true) await this.fullCage();
    const { digest } = spec.component;
    if (this.suspects.quarantined(digest)) return { kind: "lost", reason: QUARANTINED };
    const baseline = spec.component.large && spec.vouched !== true;
    const parts = [spec.domain ?? digest, ...(this.suspects.suspected(digest) ? [digest] : []), ...(baseline ? [BASELINE] : [])];
    const name = parts.join(" ");
    const domain = await this.enter(name, baseline, signal);
    if (!domain) return { kind: "lost", reason: this.closed ? "the sandbox is closed" : NO_PLACE };
    const { held } = domain;
    held.set(digest, (held.get(digest) ?? 0) + 1);
    try {
      const end = await domain.sandbox.run(spec, hooks, signal);
      if (end.kind !== "lost") this.suspects.ended(digest);
      return end;
    } finally {
      const left = (held.get(digest) ?? 0) - 1;
      if (left > 0) held.set(digest, left);
      else held.delete(digest);
      this.leave(name, domain);
    }
  }

  private async fullCage(): Promise<void> {
    const { lacks, name } = await (this.options.isolation ?? isolation());
    if (lacks === null) return;
    throw new IsolationError(
      "ISOLATION_UNAVAILABLE",
      `an agent that nobody vouches for needs the full cage: ${lacks.why} (${name})`,
      {
        hint: lacks.mend,
      },
    );
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const name of this.domains.keys()) this.end(name);
    for (const next of this.waiting.splice(0)) next();
    await Promise.all(this.closing);
  }

  /** Null when everything is closed, or `signal` came first. */
  private async enter(name: string, baseline: boolean, signal: AbortSignal): Promise<Domain | null> {
    while (!this.closed && !signal.aborted) {
      const domain = this.domains.get(name) ?? (this.hasRoom(name) ? this.start(name, baseline) : null);
      if (domain) {
        if (domain.idle) clearTimeout(domain.idle);
        domain.idle = null;
        domain.guests++;
        this.domains.delete(name);
        this.domains.set(name, domain);
        return domain;
      }
      await this.change(signal);
    }
    return null;
  }

  private leave(name: string, domain: Domain): void {
    if (--domain.guests > 0) return;
    if (name !== BUNDLED && !this.closed) {
      domain.idle = setTimeout(() => this.end(name), this.options.idleMs ?? 5000);
      domain.idle.unref();
    }
    // All of them look again: the first takes the room, the others wait on.
    for (const next of this.waiting.splice(0)) next();
  }

  /** The bundled agents always have theirs. For a stranger the one that was idle the longest makes room. */
  private hasRoom(name: string): boolean {
    if (name === BUNDLED) return true;
    const strangers = [...this.domains].filter(([other]) => other !== BUNDLED);
    if (strangers.length < (this.options.maxProcesses ?? 16)) return true;
    const idle = strangers.find(([, { guests }]) => guests === 0);
    if (!idle) return false;
    this.end(idle[0]);
    return true;
  }

  private start(name: string, baseline: boolean, presumed: Isolation | null = null): Domain {
    const held = new Map<Digest, number>();
    const died = (): void => this.suspects.died([...held.keys()]);
    const domain: Domain = {
      sandbox: startSandbox({ ...this.options, presumed, inAll: this.places, died, baseline }),
      held,
      guests: 0,
      idle: null,
    };
    this.domains.set(name, domain);
    return domain;
  }

  private end(name: string): void {
    const domain = this.domains.get(name);
    if (!domain) return;
    this.domains.delete(name);
    if (domain.idle) clearTimeout(domain.idle);
    const done: Promise<void> = domain.sandbox.close().finally(() => this.closing.delete(done));
    this.closing.add(done);
  }

  /** Resolves when a process has fallen idle, or `signal` comes. */
  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const next = (): void => {
        signal.removeEventListener("abort", next);
        resolve();
      };
      this.waiting.push(next);
      signal.addEventListener("abort", next, { once: true });
    });
  }
}
