/** Writes one function as its plan says. */
import { LANE_TYPE, type Added } from "./added.js";
import { LEAF_WEIGHT, type CallFacts, type CallGraph } from "./calls.js";
import type { Layout } from "./layout.js";
import type { MeterLimits } from "./limits.js";
import { ALWAYS, type BodyPlan, type Edit, type Lanes } from "./plan.js";
import { MeterError } from "./refusal.js";
import { ValueType } from "./types.js";
import { Writer } from "./writer.js";

export interface Written {
  readonly body: Writer;
  /** Offsets of branches that are hardly ever taken. */
  readonly unlikely: readonly number[];
  readonly charges: number;
  readonly checkpoints: number;
}

/** What `writeBody` needs beside the plan: the same for every function of a module. */
export interface Scene {
  readonly bytes: Uint8Array;
  readonly added: Added;
  readonly layout: Layout;
  readonly calls: CallGraph;
  readonly limits: MeterLimits;
}

export function writeBody(scene: Scene, index: number, plan: BodyPlan): Written {
  return new BodyWriter(scene, index, plan).write();
}

class BodyWriter {
  readonly #scene: Scene;
  readonly #index: number;
  readonly #plan: BodyPlan;
  readonly #facts: CallFacts;
  readonly #out: Writer;
  readonly #scratch = new Map<number, number>();
  #nextLocal: number;
  /** The local that holds the weight of the open frames, this one included. */
  #frame: number | null = null;
  #charges = 0;
  #checkpoints = 0;

  constructor(scene: Scene, index: number, plan: BodyPlan) {
    this.#scene = scene;
    this.#index = index;
    this.#plan = plan;
    this.#facts = scene.calls.facts(index);
    this.#out = new Writer((plan.end - plan.localsAt) * 2 + 64);
    this.#nextLocal = plan.locals.length;
  }

  write(): Written {
    const plan = this.#plan;
    const { bytes, added, limits, calls } = this.#scene;
    const out = this.#out;
    added.unlikely = [];
    if (plan.calls.some((site) => calls.counted(this.#index, site))) this.#frame = this.#nextLocal++;
    const edits = plan.edits.filter((edit) => edit.kind !== "canonical" || this.#replaced(edit.origin));
    this.#declareLocals(edits);
    let from = plan.codeAt;
    for (const [index, edit] of edits.entries()) {
      out.raw(bytes, from, edit.at);
      from = edit.until;
      this.#write(edit, index === 0);
    }
    out.raw(bytes, from, plan.end);
    if (out.length > limits.bodyBytes)
      throw new MeterError(
        "METER_TOO_LARGE",
        `a function of ${out.length} bytes, at most ${limits.bodyBytes} are allowed`,
        plan.codeAt,
      );
    return { body: out, unlikely: added.unlikely, charges: this.#charges, checkpoints: this.#checkpoints };
  }

  #replaced(origin: number): boolean {
    return origin === ALWAYS || this.#plan.origins.replaced(origin);
  }

  #declareLocals(edits: readonly Edit[]): void {
    for (const edit of edits) if (edit.kind === "canonical") this.#scratchFor(edit.lanes);
    const plan = this.#plan;
    const groups = [...(this.#frame === null ? [] : [ValueType.i32 as number]), ...this.#scratch.keys()];
    // An empty group marks where the guest's locals end, for the proof; the guest's own empty groups stand in front of it.
    this.#out.u32(plan.localGroups + 1 + groups.length).raw(this.#scene.bytes, plan.localsAt, plan.codeAt);
    this.#out.u32(0).byte(ValueType.i32);
    for (const type of groups) this.#out.u32(1).byte(type);
  }

  #scratchFor(lanes: Lanes): number {
    const type = LANE_TYPE[lanes];
    const known = this.#scratch.get(type);
    if (known !== undefined) return known;
    this.#scratch.set(type, this.#nextLocal);
    return this.#nextLocal++;
  }

  #write(edit: Edit, entry: boolean): void {
    const out = this.#out;
    const { added, layout, calls } = this.#scene;
    switch (edit.kind) {
      case "charge": {
        const cost = this.#plan.regions.costs[edit.region] as number;
        if (cost > 0) {
          added.charge(out, cost);
          this.#charges++;
        }
        if (entry ? !this.#facts.quiet : edit.checkpoint) this.#checkpoint();
        if (entry && this.#frame !== null) added.prologue(out, this.#frame, this.#facts.weight);
        return;
      }
      case "call":
        if (this.#frame !== null && calls.counted(this.#index, edit.call))
          added.call(out, this.#frame, calls.leaves(edit.call.callee) ? LEAF_WEIGHT : 0);
        return;
      case "called": {
        const { callee, returns } = edit.call;
        if (returns && (calls.leaves(callee) || (this.#facts.long && !calls.quiet(callee)))) this.#checkpoint();
        return;
      }
      case "length":
        return added.length(out, edit.charge);
      case "function":
        out.u32(layout.moveFunction(edit.index));
        return;
      case "global":
        out.u32(layout.moveGlobal(edit.index));
        return;
      case "canonical":
        return added.canonical(out, edit.lanes, this.#scratchFor(edit.lanes));
      default:
        edit satisfies never;
    }
  }

  #checkpoint(): void {
    this.#scene.added.checkpoint(this.#out);
    this.#checkpoints++;
  }
}
