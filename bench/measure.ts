/** Taking times: warm-up runs are made and thrown away, the rest is kept. Milliseconds throughout. */
import { performance } from "node:perf_hooks";

export interface Repetitions {
  readonly warmUp: number;
  readonly samples: number;
}

export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Times `work`, once after the other. */
export async function repeated({ warmUp, samples }: Repetitions, work: (round: number) => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < warmUp + samples; round++) {
    const time = await timed(() => work(round));
    if (round >= warmUp) times.push(time);
  }
  return times;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
