/**
 * Everything that must hold of one generated program, in one process and on one tier. What is seen is returned as text, so that
 * other tiers can be held against it, character by character.
 */
import { engine, type WasmModule } from "#host/component/meter/engine.js";
import { LARGE_LIMITS, type MeterOptions } from "#host/component/meter/limits.js";
import { meterModule } from "#host/component/meter/meter.js";
import type { Choices } from "../choices.js";
import { generate } from "./generate.js";
import { observeMetered, observePlain, observeReference, type Counted, type Metering, type Referred } from "./observe.js";
import { ELEMENTS, encodePlain, encodeReference, PAGES } from "./program.js";

/** A difference that must not be: which rule was broken, and what was seen. */
export class Difference extends Error {
  readonly rule: string;
  constructor(rule: string, expected: unknown, seen: unknown) {
    super(`${rule}\n  expected ${show(expected)}\n  seen     ${show(seen)}`);
    this.name = "Difference";
    this.rule = rule;
  }
}
const show = (value: unknown, most = 3_000): string => (JSON.stringify(value) ?? "nothing").slice(0, most);

function same(rule: string, expected: unknown, seen: unknown): void {
  if (show(expected, Infinity) !== show(seen, Infinity)) throw new Difference(rule, expected, seen);
}

export interface Checked {
  readonly modules: number;
  readonly calls: number;
  readonly traps: number;
  readonly limits: number;
  readonly nans: boolean;
  readonly fuel: number;
  /** What every tier must see. */
  readonly seen: string;
}

const OPTIONS: MeterOptions = { memoryPages: PAGES, tableElements: ELEMENTS, limits: LARGE_LIMITS };
const WHOLE: Metering = { slice: 2 ** 30, budget: Number.MAX_SAFE_INTEGER, due: () => false };
/** Programs that use more are not run with the smallest slices: each unit of fuel is a call of the host there. */
const SMALL_SLICES_UP_TO = 300_000;
const SHALLOW = 300;

export async function check(choices: Choices): Promise<Checked> {
  const { programs, calls, steps } = generate(choices);
  const plainBytes = programs.map(encodePlain);
  for (const bytes of plainBytes) same("the generator gives valid modules", true, engine.validate(bytes));
  const compiled = (bytes: readonly Uint8Array[]): WasmModule[] => bytes.map((one) => new engine.Module(one));
  const metered = (options: MeterOptions): WasmModule[] => compiled(plainBytes.map((bytes) => meterModule(bytes, options).bytes));
  const link = { programs, calls, steps };

  const plain = await observePlain({ ...link, modules: compiled(plainBytes) });
  const reference = await observeReference({ ...link, modules: compiled(programs.map(encodeReference)) });
  const { nans } = reference;
  const told = ({ ends, heard, state }: Pick<Counted, "ends" | "heard" | "state">): unknown => [ends, heard, state];
  if (nans === 0n) same("the reference does what the module does", told(plain), told(reference));

  const modules = metered(OPTIONS);
  const whole = await observeMetered({ ...link, modules }, WHOLE);
  if (whole.limit === null) same("metered it does what it does", told(reference), told(whole));
  fuelAgrees(reference, whole);
  if (whole.limit === null && nans !== null) same("a refused growth is noted", reference.refusedPages, whole.refusedPages);

  const total = whole.fuel.at(-1) as number;
  const slices = [...(total <= SMALL_SLICES_UP_TO ? [1, 2 + choices.below(60)] : []), 1_000, 30_000];
  const pausing = choices.bits32();
  for (const slice of slices)
    same(`slice ${slice}`, whole, await observeMetered({ ...link, modules }, { ...WHOLE, slice, due: dueBy(pausing) }));

  const stops: Counted[] = [];
  for (const budget of [choices.below(total + 1), Math.max(0, total - 1 - choices.below(20))]) {
    const stopped = await observeMetered({ ...link, modules }, { ...WHOLE, budget });
    stopsInTime(whole, stopped, budget);
    for (const slice of slices)
      same(
        `budget ${budget}, slice ${slice}`,
        stopped,
        await observeMetered({ ...link, modules }, { slice, budget, due: dueBy(pausing) }),
      );
    stops.push(stopped);
  }
  same("just enough fuel", whole, await observeMetered({ ...link, modules }, { ...WHOLE, budget: total }));

  const shallow = { ...link, modules: metered({ ...OPTIONS, depth: SHALLOW }) };
  const low = await observeMetered(shallow, WHOLE);
  same("a low depth cap, another slice", low, await observeMetered(shallow, { ...WHOLE, slice: 777, due: dueBy(pausing) }));

  return {
    modules: modules.length,
    calls: whole.ends.length,
    traps: whole.ends.filter((end) => end.startsWith("RuntimeError")).length,
    limits: [whole, low, ...stops].filter(({ limit }) => limit !== null).length,
    nans: nans !== null && nans > 0n,
    fuel: total,
    seen: show([told(reference), reference.fuel, whole, stops, low, ...(nans === 0n ? [told(plain)] : [])], Infinity),
  };
}

/** Pauses that come and go, the same for the same number. */
function dueBy(seed: number): () => boolean {
  let turn = seed;
  return () => ((turn = Math.imul(turn, 16_807) + 11) & 16) !== 0;
}

/**
 * Fuel is the sum of what ran. Where a trap ended a call, the rest of its regions was paid and not run, and so at a call of the host:
 * there the reference is a lower bound, and nothing was refunded.
 */
function fuelAgrees(reference: Referred, whole: Counted): void {
  const spent = (fuel: readonly number[]): number[] => fuel.map((used, at) => used - (fuel[at - 1] ?? 0));
  const expected = spent(reference.fuel);
  const paid = spent(whole.fuel);
  const ended = whole.limit === null ? paid.length : paid.length - 1;
  for (let at = 0; at < ended; at++) {
    const [ran, took] = [expected[at] as number, paid[at] as number];
    const trapped = whole.ends[at]?.startsWith("RuntimeError") ?? false;
    if (trapped ? took < ran : took !== ran)
      throw new Difference(`fuel of call ${at}${trapped ? ", which trapped" : ""}`, ran, took);
  }
  // Within a call nothing that ran was unpaid; what earlier calls paid too much is known.
  if (whole.limit === null && !whole.ends.some((end) => end.startsWith("RuntimeError")))
    whole.heardAt.forEach((used, at) => {
      if (used < (reference.heardAt[at] as number)) throw new Difference(`fuel at host call ${at}`, reference.heardAt[at], used);
    });
}

/** What a budget ends is the beginning of the whole, and ends as soon as the budget is passed. */
function stopsInTime(whole: Counted, stopped: Counted, budget: number): void {
  const before = stopped.ends.slice(0, stopped.limit === null ? undefined : -1);
  same(`budget ${budget} ends the whole early`, whole.ends.slice(0, before.length), before);
  same(`budget ${budget}, what the host heard`, whole.heard.slice(0, stopped.heard.length), stopped.heard);
  for (const used of stopped.heardAt)
    if (used > budget + SLACK) throw new Difference(`budget ${budget} was passed`, budget, used);
  const used = stopped.fuel.at(-1) as number;
  const overdrawn = (whole.fuel.at(-1) as number) > budget;
  if (overdrawn && stopped.limit === null && before.length < whole.ends.length)
    throw new Difference(`budget ${budget} did not end it`, budget, used);
}
/** The most that lies between a charge and the checkpoint that sees it, for these programs: one dear instruction and its region. */
const SLACK = 200_000;
