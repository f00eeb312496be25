/**
 * The operand stack of one function as it is known without running it: how many slots it has, and what is known of each float
 * (nan.ts). The module has been validated, so there is always enough to take; only code that can be reached is followed.
 */
import { Value, type Origins } from "./nan.js";
import { ValueType } from "./types.js";

interface Frame {
  /** Stack height below the frame's own values. */
  readonly base: number;
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly labelTypes: readonly number[];
}

export class Operands {
  readonly #origins: Origins;
  #stack: number[] = [];
  readonly #frames: Frame[] = [];
  #slots = 0;
  /** The most slots of eight bytes that were ever taken. */
  mostSlots = 0;

  constructor(origins: Origins, results: readonly number[]) {
    this.#origins = origins;
    this.#frames.push({ base: 0, params: [], results, labelTypes: results });
  }

  get slots(): number {
    return this.#slots;
  }

  push(value: number): void {
    this.#stack.push(value);
    this.#slots += value === Value.vector ? 2 : 1;
    if (this.#slots > this.mostSlots) this.mostSlots = this.#slots;
  }

  pop(): number {
    const value = this.#stack.pop() ?? Value.own;
    this.#slots -= value === Value.vector ? 2 : 1;
    return value;
  }

  /** Takes a value of which the guest may look at the bits. */
  observe(): number {
    const value = this.pop();
    this.#origins.observe(value);
    return value;
  }

  observeAll(types: readonly number[]): void {
    for (let left = types.length; left > 0; left--) this.observe();
  }

  pushTypes(types: readonly number[]): void {
    for (const type of types) this.push(type === ValueType.v128 ? Value.vector : Value.own);
  }

  enter(params: readonly number[], results: readonly number[], loop: boolean, live: boolean): void {
    if (live) this.observeAll(params);
    this.#frames.push({ base: this.#stack.length, params, results, labelTypes: loop ? params : results });
    if (live) this.pushTypes(params);
  }

  /** A branch to label `depth`: its values stay where they are, for the way on. */
  branch(depth: number): void {
    const { labelTypes } = this.#frames[this.#frames.length - 1 - depth] as Frame;
    for (let index = this.#stack.length - labelTypes.length; index < this.#stack.length; index++)
      this.#origins.observe(this.#stack[index] ?? Value.own);
  }

  leaveFunction(): void {
    this.branch(this.#frames.length - 1);
  }

  /** The end of an arm; `live` if it can be reached. */
  else(live: boolean): void {
    const frame = this.#frames.at(-1) as Frame;
    if (live) this.branch(0);
    this.#cut(frame.base);
    this.pushTypes(frame.params);
  }

  /** The end of a frame; `live` if it can be reached by falling into it. */
  end(live: boolean): void {
    if (live) this.#observeTop((this.#frames.at(-1) as Frame).results);
    const frame = this.#frames.pop() as Frame;
    this.#cut(frame.base);
    this.pushTypes(frame.results);
  }

  #observeTop(types: readonly number[]): void {
    for (let index = this.#stack.length - types.length; index < this.#stack.length; index++)
      this.#origins.observe(this.#stack[index] ?? Value.own);
  }

  #cut(height: number): void {
    while (this.#stack.length > height) this.pop();
  }
}
