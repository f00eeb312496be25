/**
 * Which components a sandbox process holds, as the control process keeps count of it. A component with guests stays; of those without,
 * the ones that were used last stay, so that a warm process does not grow with the number of agents it has ever run.
 */
import type { Admitted } from "../component/contract.js";

export interface Keeping {
  /** Components without guests that stay. */
  readonly idle: number;
  /** Bytes of metered code that these have together, at most. What an engine makes of a byte takes some ten. */
  readonly idleBytes: number;
}
export const KEEPING: Keeping = { idle: 64, idleBytes: 16 << 20 };

interface Loaded {
  readonly id: number;
  readonly admission: string;
  readonly bytes: number;
  guests: number;
}

export class LoadedComponents {
  private readonly keeping: Keeping;
  private readonly byAdmission = new Map<string, Loaded>();
  private readonly byId = new Map<number, Loaded>();
  /** Without guests, the one that was left first in front. */
  private readonly idle = new Set<Loaded>();
  private idleBytes = 0;
  private nextId = 0;

  constructor(keeping: Keeping = KEEPING) {
    this.keeping = keeping;
  }

  /** A guest of this component begins; `fresh` where the process has to be given it first. */
  enter(component: Pick<Admitted, "admission" | "modules">): { readonly id: number; readonly fresh: boolean } {
    const known = this.byAdmission.get(component.admission);
    if (known) {
      if (known.guests++ === 0) this.wake(known);
      return { id: known.id, fresh: false };
    }
    const bytes = component.modules.reduce((sum, module) => sum + module.bytes.length, 0);
    const loaded = { id: this.nextId++, admission: component.admission, bytes, guests: 1 };
    this.byAdmission.set(loaded.admission, loaded);
    this.byId.set(loaded.id, loaded);
    return { id: loaded.id, fresh: true };
  }

  /** A guest has ended. Gives the components that the process is to forget: nobody is in them, and they are not known any more. */
  leave(id: number): readonly number[] {
    const loaded = this.byId.get(id);
    if (!loaded || --loaded.guests > 0) return [];
    this.idle.add(loaded);
    this.idleBytes += loaded.bytes;
    const forgotten: number[] = [];
    for (const oldest of this.idle) {
      if (this.idle.size <= this.keeping.idle && this.idleBytes <= this.keeping.idleBytes) break;
      this.wake(oldest);
      this.byAdmission.delete(oldest.admission);
      this.byId.delete(oldest.id);
      forgotten.push(oldest.id);
    }
    return forgotten;
  }

  /** Components that the process holds. */
  get size(): number {
    return this.byId.size;
  }

  private wake(loaded: Loaded): void {
    if (this.idle.delete(loaded)) this.idleBytes -= loaded.bytes;
  }
}
