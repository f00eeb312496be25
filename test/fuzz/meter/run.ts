/** The differential fuzz run of the metering rewriter: a seed after another through every tier, until the time is up. */
import { Choices } from "../choices.js";
import { shrink } from "../shrink.js";
import { generate } from "./generate.js";
import type { Answer, Question } from "./tier.js";
import { Tier, TIERS } from "./tiers.js";

export interface Limits {
  /** The first seed; each program has the next. */
  readonly seed: number;
  readonly programs: number;
  /** Milliseconds since 1970 at which no further program is begun. */
  readonly until: number;
}
export interface Finding {
  readonly seed: number;
  readonly tier: string;
  readonly message: string;
  /** The smallest tape that still fails in the same way. */
  readonly tape: readonly number[];
}
export interface Tally {
  programs: number;
  modules: number;
  calls: number;
  traps: number;
  limits: number;
  nans: number;
  fuel: number;
  readonly findings: Finding[];
}

/** Tapes tried to make a finding smaller. */
const SHRINKING = 3_000;

type Say = (line: string) => void;

/** Ends at the first `most` findings. */
export async function fuzzMetering({ seed, programs, until }: Limits, say: Say, most = 5): Promise<Tally> {
  const tiers = Object.keys(TIERS).map((name) => new Tier(name));
  const tally: Tally = { programs: 0, modules: 0, calls: 0, traps: 0, limits: 0, nans: 0, fuel: 0, findings: [] };
  try {
    while (tally.programs < programs && Date.now() < until && tally.findings.length < most) {
      const current = seed + tally.programs++;
      const compared = await compare(tiers, { seed: current });
      if (compared.same) add(tally, compared.checked);
      else {
        say(`seed ${current} on ${compared.tier}: ${compared.message}`);
        tally.findings.push(await smallest(tiers, current, compared, say));
      }
      if (tally.programs % 1_000 === 0) say(`${describe(tally)}, next seed ${current + 1}`);
    }
  } finally {
    for (const tier of tiers) tier.close();
  }
  return tally;
}

const DIFFER = "tiers differ";
type Passed = Extract<Answer, { ok: true }>;
interface Failed {
  readonly same: false;
  readonly tier: string;
  readonly rule: string;
  readonly message: string;
  readonly tape: readonly number[];
}
type Compared = { readonly same: true; readonly checked: Passed } | Failed;

/** Fails at the first tier on which a rule is broken, or which sees anything else than the first. */
async function compare(tiers: readonly Tier[], question: Question): Promise<Compared> {
  let checked: Passed | null = null;
  for (const tier of tiers) {
    const answer = await tier.ask(question);
    if (!answer.ok) return { same: false, tier: tier.name, ...answer };
    checked ??= answer;
    if (checked.seen === answer.seen) continue;
    const [one, other] = [tiers[0] as Tier, tier];
    const whole = { ...question, whole: true };
    const message = `${DIFFER}\n  ${one.name} ${seenOf(await one.ask(whole))}\n  ${other.name} ${seenOf(await other.ask(whole))}`;
    return { same: false, tier: tier.name, rule: DIFFER, message, tape: [] };
  }
  return { same: true, checked: checked as Passed };
}

function seenOf(answer: Answer): string {
  return answer.ok ? answer.seen : answer.message;
}

async function smallest(tiers: readonly Tier[], seed: number, failed: Failed, say: Say): Promise<Finding> {
  const choices = Choices.seeded(seed);
  generate(choices);
  // The checks draw choices too (slices, budgets); a tape that is used up answers 0 there.
  const tape = failed.tape.length > 0 ? failed.tape : choices.tape;
  const involved = tiers.filter((tier, at) => (at === 0 && failed.rule === DIFFER) || tier.name === failed.tier);
  const fails = async (candidate: readonly number[]): Promise<boolean> => {
    const again = await compare(involved, { tape: candidate });
    return !again.same && again.rule === failed.rule;
  };
  const found = await shrink(tape, fails, SHRINKING);
  say(`repeat with: npm run fuzz -- meter --seed ${seed} --programs 1`);
  say(`or, made smaller, with: npm run fuzz -- meter --tape ${found.join()}`);
  return { seed, tier: failed.tier, message: failed.message, tape: found };
}

/** One tape through every tier. */
export async function repeatMetering(tape: readonly number[], say: Say): Promise<boolean> {
  const tiers = Object.keys(TIERS).map((name) => new Tier(name));
  try {
    const compared = await compare(tiers, { tape });
    say(compared.same ? "nothing differs" : `on ${compared.tier}: ${compared.message}`);
    return compared.same;
  } finally {
    for (const tier of tiers) tier.close();
  }
}

function add(tally: Tally, answer: Passed): void {
  for (const key of ["modules", "calls", "traps", "limits", "fuel"] as const) tally[key] += answer[key];
  tally.nans += Number(answer.nans);
}

export function describe({ programs, modules, calls, traps, limits, nans, fuel, findings }: Tally): string {
  return `${programs} programs (${modules} modules, ${calls} calls, ${traps} of them trapped, ${limits} stopped by a limit, ${nans} programs with NaNs, ${fuel} fuel), ${findings.length} findings`;
}
