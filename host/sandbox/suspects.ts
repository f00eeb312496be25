/**
 * Which component ended a process. A process that held several tells nothing about any of them: each is run apart from the others from
 * then on, so that the innocent finish. A component whose own process died twice, and of which no guest came to an end in between, is in
 * quarantine: it is not started again for as long as this host lives.
 */
import type { Digest } from "#core/digest.js";

/** The first death may have come from outside (an operator, the kernel's memory killer); the second is taken to be its own doing. */
const DEATHS = 2;

export class Suspects {
  private readonly apart = new Set<Digest>();
  private readonly deaths = new Map<Digest, number>();

  /** A process died under guests of these components. */
  died(components: readonly Digest[]): void {
    const [only, ...others] = components;
    if (only !== undefined && others.length === 0) this.deaths.set(only, (this.deaths.get(only) ?? 0) + 1);
    else for (const component of components) this.apart.add(component);
  }

  /** A guest of it came to an end, whichever, and its process lives. */
  ended(component: Digest): void {
    if (!this.quarantined(component)) this.deaths.delete(component);
  }

  /** Whether it must have a process of its own. */
  suspected(component: Digest): boolean {
    return this.apart.has(component);
  }

  quarantined(component: Digest): boolean {
    return (this.deaths.get(component) ?? 0) >= DEATHS;
  }
}
