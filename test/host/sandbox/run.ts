/** Runs one attempt of a guest, with everything that a test does not name filled in. */
import { admit } from "#host/component/admit.js";
import type {
  Admitted,
  CallAnswer,
  GuestCall,
  GuestEnd,
  GuestLog,
  GuestOutput,
  GuestSpec,
  Sandbox,
} from "#host/component/contract.js";
import { component, type Guest } from "../component/guest.js";

export const SEED = "5a".repeat(32);

export function spec(admitted: Admitted, given: Partial<GuestSpec> = {}): GuestSpec {
  return {
    component: admitted,
    // Whatever the machine gives: which cage an agent needs is asked in test/host/trust.
    anyCage: true,
    node: "node",
    attempt: 1,
    with: "{}",
    inputs: [],
    seed: SEED,
    epochMs: 1_700_000_000_000,
    state: {},
    limits: { fuel: 1e9, memoryMib: 64, calls: 1000, ...given.limits },
    granted: { time: true, random: true },
    linked: ["log", "kb", "model", "actions", "clock", "random", "state"],
    ...given,
  };
}

export interface Ran {
  readonly end: GuestEnd;
  readonly calls: GuestCall[];
  readonly logs: GuestLog[];
  readonly lines: GuestOutput[];
}

export type Answer = (call: GuestCall) => CallAnswer | Promise<CallAnswer>;
export const completion: Answer = ({ args }) => ({
  ok: { text: `echo ${String(args[0])}`, model: "m", input_tokens: 1, output_tokens: 2 },
});

export async function run(
  sandbox: Sandbox,
  admitted: Admitted,
  given: Partial<GuestSpec> = {},
  answer: Answer = completion,
  signal: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  const calls: GuestCall[] = [];
  const logs: GuestLog[] = [];
  const lines: GuestOutput[] = [];
  const end = await sandbox.run(
    spec(admitted, given),
    {
      call: async (call) => {
        calls.push(call);
        return answer(call);
      },
      log: (line) => void ("chunk" in line ? lines.push(line) : logs.push(line)),
    },
    signal,
  );
  return { end, calls, logs, lines };
}

const known = new Map<string, Promise<Admitted>>();

export function admitted(guest: Guest & { readonly memoryMib?: number }): Promise<Admitted> {
  const key = JSON.stringify(guest);
  const { memoryMib } = guest;
  const admission =
    known.get(key) ?? component(guest).then((bytes) => admit(bytes, memoryMib === undefined ? {} : { memoryMib }));
  known.set(key, admission);
  return admission;
}

/** The end without what differs from guest to guest. */
export function failure(end: GuestEnd): { code: string; message: string } | string {
  return end.kind === "failed" ? end.failure : end.kind;
}
