/** `wasi:clocks`, 0.2, without the time zones that no host has to give. */
import { func, own, record, u32, u64, type WitInterface } from "../type.js";
import { POLLABLE } from "./io.js";

export const datetime = record({ seconds: u64, nanoseconds: u32 });
export const duration = u64;

export const clocks: Readonly<Record<string, WitInterface>> = {
  "wasi:clocks/monotonic-clock": {
    types: { instant: u64, duration },
    uses: { pollable: POLLABLE },
    functions: {
      now: func({}, u64),
      resolution: func({}, u64),
      "subscribe-instant": func({ when: u64 }, own(POLLABLE)),
      "subscribe-duration": func({ when: duration }, own(POLLABLE)),
    },
  },
  "wasi:clocks/wall-clock": {
    types: { datetime },
    functions: { now: func({}, datetime), resolution: func({}, datetime) },
  },
};
