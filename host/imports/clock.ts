/**
 * `clock.now-ms` of an agent whose grant has `time = "real"`: a reading of this machine's clock, journaled like every answer, so that a
 * replay and a resumed run read what was read then. All other clocks of a guest are the run's own and are answered inside.
 */
import { CallDenied, type CallContext, type CallResult, type HostFunctions } from "./interface.js";

/** `now`: milliseconds since 1970-01-01T00:00:00Z. */
export function clockFunctions(now: (context: CallContext) => number): HostFunctions {
  return new Map([
    [
      "clock.now-ms",
      async (context: CallContext): Promise<CallResult> => {
        if (context.grant.time !== "real")
          throw new CallDenied({ cap: "time", target: "real", reason: 'the grant does not hold `time = "real"`' });
        return { answer: { ok: now(context) }, labels: [] };
      },
    ],
  ]);
}
