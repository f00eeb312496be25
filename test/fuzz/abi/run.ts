/** The differential run of the canonical ABI: one generated component after another, until the time is up. */
import { Choices } from "../choices.js";
import { compareAbi } from "./compare.js";

export interface Limits {
  readonly seed: number;
  readonly programs: number;
  /** Milliseconds since 1970 at which no further one is begun. */
  readonly until: number;
}
export interface Tally {
  components: number;
  functions: number;
  values: number;
  findings: number;
}

/** Ends at the first `most` findings. */
export async function fuzzAbi({ seed, programs, until }: Limits, say: (line: string) => void, most = 5): Promise<Tally> {
  const tally: Tally = { components: 0, functions: 0, values: 0, findings: 0 };
  while (tally.components < programs && Date.now() < until && tally.findings < most) {
    const current = seed + tally.components++;
    try {
      const { functions, values } = await compareAbi(Choices.seeded(current));
      tally.functions += functions;
      tally.values += values;
    } catch (error) {
      tally.findings++;
      say(`seed ${current}: ${error instanceof Error ? error.message : String(error)}`);
      say(`repeat with: npm run fuzz -- abi --seed ${current} --programs 1`);
    }
    if (tally.components % 500 === 0) say(`${describe(tally)}, next seed ${current + 1}`);
  }
  return tally;
}

export function describe({ components, functions, values, findings }: Tally): string {
  return `${components} components (${functions} functions, ${values} values, each across four times), ${findings} findings`;
}
